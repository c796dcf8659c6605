import { opendir } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { type Entry, type Found, listOrProblem } from './walk.ts'

/** Sorts a problem of the directory itself after all its entries, so that none of them follows. */
const LAST = '\u{10ffff}'

interface Named {
  readonly name: string
  readonly found: Found
}

/**
 * Yields the entries of `walk` in an order that a later walk repeats: by name within each directory, a directory's contents
 * in the place of its name. So a walk can continue where another one was stopped, although files are added and removed.
 * Keeps the names of one directory at each depth.
 * @param root an absolute path
 * @param after the path of the last entry to skip
 * @throws the file system's error if the root itself cannot be opened
 */
export async function* orderedWalk(root: string, after?: string): AsyncGenerator<Entry, void> {
  await (await opendir(root)).close()
  if (after !== root) yield* below(root, after === undefined ? [] : relative(root, after).split(sep))
}

/** @param after the names that lead from the directory to the last entry; none for all of the directory */
async function* below(directory: string, after: readonly string[]): AsyncGenerator<Entry, void> {
  const [first, ...rest] = after
  for (const { name, found } of await sortedEntries(directory)) {
    if (first !== undefined && name < first) continue
    if (name === first && rest.length === 0) continue
    if (found.kind === 'directory') yield* below(found.path, name === first ? rest : [])
    else yield found
  }
}

async function sortedEntries(directory: string): Promise<readonly Named[]> {
  const entries: Named[] = []
  for await (const found of listOrProblem(directory)) {
    const path = found.kind === 'problem' ? found.problem.path : found.path
    entries.push({ name: path === directory ? LAST : relative(directory, path), found })
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)))
}
