import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { makeRecord } from '../../../src/testing/record.ts'
import { failureOf, openStore, temporaryDirectory, temporaryPath } from './setup.ts'

const FILL = fileURLToPath(new URL('./children/fill-and-delete.ts', import.meta.url))
const WRITE = fileURLToPath(new URL('./children/write-as-nobody.ts', import.meta.url))
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe.skipIf(process.platform === 'win32')('modes', () => {
  test('the file, its logs and the directories created for them are accessible only to their owner', async () => {
    const umask = process.umask(0)
    onTestFinished(() => {
      process.umask(umask)
    })
    const path = join(temporaryDirectory(), 'a', 'b', 'events.db')
    const storage = await openStore(path)
    await storage.append([makeRecord()])
    const names = readdirSync(dirname(path)).sort()
    expect(names).toEqual(['events.db', 'events.db-shm', 'events.db-wal'])
    expect(names.map((name) => modeOf(join(dirname(path), name)))).toEqual(['600', '600', '600'])
    expect([modeOf(dirname(path)), modeOf(join(path, '..', '..'))]).toEqual(['700', '700'])
  })

  test('existing files and directories keep theirs', async () => {
    const path = temporaryPath()
    chmodSync(dirname(path), 0o750)
    writeFileSync(path, '')
    chmodSync(path, 0o640)
    const storage = await openStore(path)
    await storage.append([makeRecord()])
    expect([path, `${path}-wal`, dirname(path)].map(modeOf)).toEqual(['640', '640', '750'])
  })

  test('a start with a read-only file names the file and leaves nothing that disturbs a later start', async () => {
    const path = temporaryPath()
    await (await openStore(path)).close()
    if (isRoot) for (const name of [path, dirname(path)]) chownSync(name, NOBODY, NOBODY)
    const [readOnly, writable] = failuresToWrite(path, '444', '644')
    expect(readOnly).toContain(`takes no writes: ${path} cannot be written by this user`)
    expect(writable).toBeNull()
  })

  test.runIf(isRoot)('a log that this user may not write is named in the error', async () => {
    const path = temporaryPath()
    const storage = await openStore(path)
    await storage.append([makeRecord()])
    for (const name of [path, `${path}-wal`]) chownSync(name, NOBODY, NOBODY)
    for (const name of [dirname(path), `${path}-shm`]) chmodSync(name, 0o755)
    expect(failuresToWrite(path)).toEqual([expect.stringContaining(`${path}-shm cannot be written`)])
  })
})

test.skipIf(process.platform === 'win32')('a named pipe is rejected', async () => {
  const path = temporaryPath()
  execFileSync('mkfifo', [path])
  const failure = await failureOf(sqliteStorage({ path }).open())
  expect(failure).toMatchObject({ code: 'EVENTS_STORAGE_UNAVAILABLE' })
  expect(failure.message).toContain('not a regular file')
  expect(existsSync(`${path}-wal`)).toBe(false)
})

describe.skipIf(process.platform !== 'linux')('what the operating system refuses', () => {
  test('the file size limit is named as a possible reason', () => {
    const told = fill('ulimit -f 8000; exec "$@"', temporaryDirectory())
    expect(told.append).toMatchObject({ code: 'EVENTS_STORAGE_UNAVAILABLE' })
    expect(told.append?.message).toContain('limit of file sizes')
  })

  // Needs a user who may mount, at least in their own namespace.
  test.skipIf(!mayMount())('a full disk is reported as such, also at start, with what to do', () => {
    const directory = temporaryDirectory()
    const told = fill(
      `mount -t tmpfs -o size=4m tmpfs ${directory} && exec "$@"`,
      directory,
      'unshare --user --map-root-user --mount',
    )
    for (const failure of [told.append, told.delete, told.open]) {
      expect(failure).toMatchObject({ code: 'EVENTS_STORAGE_FULL' })
      expect(failure?.message).toContain('free some on the disk, which deleting events needs too')
    }
  })
})

function mayMount(): boolean {
  const command = ['--user', '--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']
  return spawnSync('unshare', command).status === 0
}

interface Failure {
  readonly code: string
  readonly message: string
}

/** Fills a store in a process that a shell starts under some limit. Returns the failures by step. */
function fill(script: string, directory: string, under = ''): Partial<Record<string, Failure>> {
  const [command = 'sh', ...args] = [...under.split(' ').filter(Boolean), 'sh', '-c', script, 'sh']
  const output = execFileSync(command, [...args, process.execPath, FILL, directory], { encoding: 'utf8' })
  const steps = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  return Object.fromEntries(
    steps.filter(({ code }) => code !== undefined).map(({ step, ...rest }) => [step, rest]),
  )
}

/** Returns the errors of writes by a user other than root, who may write whatever the mode is. */
function failuresToWrite(...args: string[]): readonly (string | null)[] {
  return JSON.parse(execFileSync(process.execPath, [WRITE, ...args], { encoding: 'utf8' }))
}
