import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { orderedWalk } from '../src/ordered-walk.ts'
import { type Entry, walk } from '../src/walk.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const FILES = ['a', 'b.txt', 'b/1', 'b/10', 'b/2/x', 'b/2/y', 'b/3', 'b-c/z', 'c/1/2/3', 'ä', 'z/雪']

/** A tree with files at several depths, a link that leads nowhere, and an empty directory. */
async function tree() {
  const directory = await temporaryDirectory()
  const at = (path: string) => join(directory.path, path)
  for (const path of FILES) {
    mkdirSync(join(at(path), '..'), { recursive: true })
    writeFileSync(at(path), '')
  }
  mkdirSync(at('empty'))
  symlinkSync('nowhere', at('b/2/broken'))
  return { directory, at, root: directory.path }
}

const pathOf = (entry: Entry) => (entry.kind === 'problem' ? entry.problem.path : entry.path)

async function paths(root: string, entries: AsyncIterable<Entry>): Promise<string[]> {
  return (await Array.fromAsync(entries)).map((entry) => relative(root, pathOf(entry)))
}

test('finds the same as the other walk, always in the same order', async () => {
  const { directory, root } = await tree()
  await using _ = directory
  const found = await paths(root, orderedWalk(root))
  expect(found.toSorted()).toEqual((await paths(root, walk(root))).toSorted())
  expect(found).toHaveLength(FILES.length + 1)
  expect(await paths(root, orderedWalk(root))).toEqual(found)
})

test('continues after any entry with the next one, also when that entry is gone by then', async () => {
  const { directory, root, at } = await tree()
  await using _ = directory
  const found = await paths(root, orderedWalk(root))
  for (const [index, path] of found.entries())
    expect(await paths(root, orderedWalk(root, at(path))), path).toEqual(found.slice(index + 1))
  rmSync(at('b/2'), { recursive: true })
  const rest = found.filter((path) => !path.startsWith('b/2/'))
  expect(await paths(root, orderedWalk(root, at('b/2/x')))).toEqual(rest.slice(rest.indexOf('b/3')))
})

test('what comes meanwhile is found behind the entry after which it continues, and not before', async () => {
  const { directory, root, at } = await tree()
  await using _ = directory
  for (const path of ['b/0', 'b/2/xx', 'b/2/w']) writeFileSync(at(path), '')
  const found = await paths(root, orderedWalk(root, at('b/2/x')))
  expect(found.slice(0, 2)).toEqual(['b/2/xx', 'b/2/y'])
  expect(found).not.toContain('b/0')
  expect(found).not.toContain('b/2/w')
})

test('fails when the root cannot be opened', async () => {
  await using directory = await temporaryDirectory()
  await expect(paths('', orderedWalk(join(directory.path, 'missing')))).rejects.toThrow(/ENOENT/)
})
