import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Entry, walk } from '../src/walk.ts'
import { makeFifo } from './fifo.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Returns what the walk finds, with paths relative to the root, sorted: `file a/b`, `ENOENT c`. */
async function found(root: string, entries: AsyncIterable<Entry> = walk(root)): Promise<string[]> {
  const lines: string[] = []
  for await (const entry of entries) {
    const [word, path] =
      entry.kind === 'problem' ? [entry.problem.code, entry.problem.path] : [entry.kind, entry.path]
    lines.push(`${word} ${path.slice(root.length + 1)}`)
  }
  return lines.sort()
}

test('finds every regular file at any depth under each of its names', async () => {
  await using root = await temporaryDirectory()
  mkdirSync(join(root.path, 'a/b/c'), { recursive: true })
  mkdirSync(join(root.path, 'empty'))
  for (const path of ['1', 'a/2', 'a/b/c/ü 雪.mp3', '.hidden']) writeFileSync(join(root.path, path), '')
  linkSync(join(root.path, '1'), join(root.path, 'a/hard-link'))
  expect(await found(root.path)).toEqual([
    'file .hidden',
    'file 1',
    'file a/2',
    'file a/b/c/ü 雪.mp3',
    'file a/hard-link',
  ])
})

test('follows no link: it skips cycles and finds a linked file once', async () => {
  await using root = await temporaryDirectory()
  await using outside = await temporaryDirectory()
  mkdirSync(join(root.path, 'a'))
  writeFileSync(join(root.path, 'a/file'), '')
  writeFileSync(join(outside.path, 'elsewhere'), '')
  symlinkSync('..', join(root.path, 'a/cycle'))
  symlinkSync('a/file', join(root.path, 'linked-file'))
  symlinkSync(outside.path, join(root.path, 'linked-directory'))
  expect(await found(root.path)).toEqual([
    'file a/file',
    'skipped a/cycle',
    'skipped linked-directory',
    'skipped linked-file',
  ])
})

test('reports links that lead nowhere or in a circle', async () => {
  await using root = await temporaryDirectory()
  symlinkSync('missing', join(root.path, 'broken'))
  symlinkSync('circle', join(root.path, 'circle'))
  expect(await found(root.path)).toEqual(['ELOOP circle', 'ENOENT broken'])
})

test.skipIf(process.platform === 'win32')('skips FIFOs, sockets and devices', async () => {
  await using root = await temporaryDirectory()
  makeFifo(join(root.path, 'fifo'))
  const { promise: listening, resolve } = Promise.withResolvers<void>()
  await using _server = createServer().listen(join(root.path, 'socket'), resolve)
  await listening
  expect(await found(root.path)).toEqual(['skipped fifo', 'skipped socket'])
})

// macOS and Windows do not allow such names.
test.skipIf(process.platform !== 'linux')('reports names that are not UTF-8 and continues', async () => {
  await using root = await temporaryDirectory()
  const named = (bytes: string) => Buffer.concat([Buffer.from(`${root.path}/`), Buffer.from(bytes, 'latin1')])
  writeFileSync(named('caf\xe9.mp3'), '')
  mkdirSync(named('dir\xff'))
  writeFileSync(named('dir\xff/inside'), '')
  writeFileSync(join(root.path, 'really \ufffd'), '')
  expect(await found(root.path)).toEqual(['EILSEQ caf\ufffd.mp3', 'EILSEQ dir\ufffd', 'file really \ufffd'])
})

test('reports a directory that has vanished since it was seen', async () => {
  await using root = await temporaryDirectory()
  mkdirSync(join(root.path, 'a'))
  writeFileSync(join(root.path, 'file'), '')
  const entries = walk(root.path)
  const first = await entries.next()
  expect(first.value).toMatchObject({ kind: 'file' })
  rmSync(join(root.path, 'a'), { recursive: true })
  expect(await found(root.path, entries)).toEqual(['ENOENT a'])
})

test.skipIf(process.platform === 'win32')('reports a directory whose path is too long', async () => {
  await using root = await temporaryDirectory()
  const chain = Array.from({ length: 11 }, () => 'x'.repeat(200)).join('/')
  for (const half of ['upper', 'lower']) mkdirSync(join(root.path, half, chain), { recursive: true })
  writeFileSync(join(root.path, 'file'), '')
  // Neither path is too long, but together they are.
  const below = join(root.path, 'upper', chain, 'lower')
  renameSync(join(root.path, 'lower'), below)
  try {
    const lines = await found(root.path)
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['ENAMETOOLONG', 'file'])
  } finally {
    renameSync(below, join(root.path, 'lower'))
  }
})

test('finds nothing in an empty directory', async () => {
  await using root = await temporaryDirectory()
  expect(await found(root.path)).toEqual([])
})

test('fails if the root is missing or is not a directory', async () => {
  await using root = await temporaryDirectory()
  writeFileSync(join(root.path, 'file'), '')
  await expect(found(join(root.path, 'missing'))).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(found(join(root.path, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})

test('ends when its signal is aborted', async () => {
  await using root = await temporaryDirectory()
  for (let i = 0; i < 10; i++) writeFileSync(join(root.path, `${i}`), '')
  const controller = new AbortController()
  const seen: Entry[] = []
  for await (const entry of walk(root.path, controller.signal)) {
    seen.push(entry)
    if (seen.length === 3) controller.abort()
  }
  expect(seen).toHaveLength(3)
})
