import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fingerprint } from '../src/fingerprint.ts'
import { makeFifo } from './fifo.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const MIB = 1024 * 1024
const sha256 = (...parts: (Buffer | string)[]) =>
  createHash('sha256')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest('hex')

test.each([0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB])(
  'hashes the whole of a file of %i bytes, and its size',
  async (size) => {
    await using directory = await temporaryDirectory()
    const path = join(directory.path, 'file')
    const content = randomBytes(size)
    writeFileSync(path, content)
    expect(await fingerprint(path)).toMatchObject({ size, hash: sha256(content, String(size)) })
  },
)

test.each([2 * MIB + 1, 5 * MIB])('hashes the first and the last MiB of one of %i bytes', async (size) => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'file')
  const content = randomBytes(size)
  writeFileSync(path, content)
  const hash = sha256(content.subarray(0, MIB), content.subarray(size - MIB), String(size))
  expect(await fingerprint(path)).toMatchObject({ size, hash })
})

test.skipIf(process.platform !== 'linux')('matches the command in its docblock', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'f')
  writeFileSync(path, randomBytes(3 * MIB))
  const command = '(head -c 1048576 f; tail -c 1048576 f; printf %s "$(stat -c %s f)") | sha256sum'
  const output = execFileSync('sh', ['-c', command], { cwd: directory.path, encoding: 'utf8' })
  expect(output).toBe(`${(await fingerprint(path)).hash}  -\n`)
})

test('returns the time of the last change in RFC 3339', async () => {
  await using directory = await temporaryDirectory()
  const path = join(directory.path, 'file')
  writeFileSync(path, '')
  utimesSync(path, 0, new Date('2031-02-03T04:05:06.789Z'))
  expect(await fingerprint(path)).toMatchObject({ modTime: '2031-02-03T04:05:06.789Z' })
})

// A file system with 64-bit seconds; ext4 ends in 2446.
test.skipIf(!existsSync('/dev/shm'))('refuses a time beyond the four-digit years of RFC 3339', async () => {
  await using directory = await mkdtempDisposable('/dev/shm/library-scanner-')
  const path = join(directory.path, 'file')
  writeFileSync(path, '')
  execFileSync('touch', ['-d', '@99999999999999', path])
  await expect(fingerprint(path)).rejects.toMatchObject({ code: 'EOVERFLOW' })
  utimesSync(path, 0, 253_402_300_800)
  await expect(fingerprint(path)).rejects.toMatchObject({ code: 'EOVERFLOW' })
  utimesSync(path, 0, 253_402_300_799)
  expect(await fingerprint(path)).toMatchObject({ modTime: '9999-12-31T23:59:59.000Z' })
})

test.skipIf(process.platform === 'win32')(
  'does not wait for ever at a FIFO that has taken the place of a file',
  async () => {
    await using directory = await temporaryDirectory()
    const path = join(directory.path, 'fifo')
    makeFifo(path)
    await expect(fingerprint(path)).rejects.toMatchObject({ code: 'CHANGED' })
  },
)

test('refuses a directory, a link, and a path where nothing exists', async () => {
  await using directory = await temporaryDirectory()
  const at = (name: string) => join(directory.path, name)
  mkdirSync(at('directory'))
  writeFileSync(at('file'), '')
  symlinkSync('file', at('link'))
  await expect(fingerprint(at('directory'))).rejects.toMatchObject({ code: 'CHANGED' })
  await expect(fingerprint(at('link'))).rejects.toMatchObject({ code: 'ELOOP' })
  await expect(fingerprint(at('missing'))).rejects.toMatchObject({ code: 'ENOENT' })
})

// The file reports a size of 4,096 bytes and has only a few.
const SHORTER_THAN_IT_SAYS = '/sys/kernel/uevent_seqnum'

test.skipIf(!existsSync(SHORTER_THAN_IT_SAYS))(
  'refuses a file that is shorter than its size says',
  async () => {
    await expect(fingerprint(SHORTER_THAN_IT_SAYS)).rejects.toMatchObject({ code: 'CHANGED' })
  },
)

test.skipIf(process.platform !== 'linux')('leaves no file open, whatever happens', async () => {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'file')
  writeFileSync(file, 'content')
  await fingerprint(file)
  const open = () => readdirSync('/proc/self/fd').length
  const before = open()
  for (const path of [file, directory.path])
    await Promise.allSettled(Array.from({ length: 50 }, () => fingerprint(path)))
  expect(open()).toBeLessThan(before + 50)
})
