import { isUtf8 } from 'node:buffer'
import type { Dirent } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FileFault, type FileProblem, problemOf } from './file-problem.ts'

/** An entry that the walk found below its root. */
export type Entry =
  | { readonly kind: 'file'; readonly path: string }
  /** A symbolic link that leads somewhere, or a socket, FIFO or device: skipped. */
  | { readonly kind: 'skipped'; readonly path: string }
  | { readonly kind: 'problem'; readonly problem: FileProblem }

/** An entry of a directory. */
export type Found = Entry | { readonly kind: 'directory'; readonly path: string }

// Not in Node's types, but in its implementation: names as the file system's bytes. As text, a name that is
// not UTF-8 would be changed beyond recognition; and on file systems that do not report an entry's kind, Node
// would look for a file with the changed name, find none and give up the whole directory.
const BYTES = 'buffer' as BufferEncoding

/**
 * Yields every regular file below a directory, once, directory by directory. Symbolic links are never followed, so
 * there are no cycles, and a file of the tree is found where it is stored. A file with several hard links is found
 * under each of its paths. Keeps the paths of the directories still to be read and one open directory, never a list
 * of files. Ends early, without an error, when `signal` is aborted.
 * @param root an absolute path
 * @throws the file system's error if the root itself cannot be opened; below it, that is a `problem`
 */
export async function* walk(root: string, signal?: AbortSignal): AsyncGenerator<Entry, void, undefined> {
  await (await opendir(root)).close()
  const pending = [root]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for await (const found of listOrProblem(directory)) {
      if (signal?.aborted) return
      if (found.kind === 'directory') pending.push(found.path)
      else yield found
    }
  }
}

/** Yields the entries of a directory, in no order, and last the problem that ended reading it, if any. */
export async function* listOrProblem(directory: string): AsyncGenerator<Found, void, undefined> {
  try {
    yield* list(directory)
  } catch (error) {
    yield problem(error, directory)
  }
}

async function* list(directory: string): AsyncGenerator<Found, void, undefined> {
  for await (const entry of await opendir(directory, { encoding: BYTES })) {
    const name = Buffer.from(entry.name)
    const path = join(directory, name.toString())
    // An event carries its path as a string, from which a file with any other name could not be found again.
    yield isUtf8(name) ? await classify(entry, path) : problem(new FileFault('EILSEQ', path), path)
  }
}

async function classify(entry: Dirent, path: string): Promise<Found> {
  if (entry.isFile()) return { kind: 'file', path }
  if (entry.isDirectory()) return { kind: 'directory', path }
  if (entry.isSymbolicLink()) return followed(path)
  return { kind: 'skipped', path }
}

/** The library's owner should know about a link that leads nowhere or in a circle. */
async function followed(path: string): Promise<Found> {
  try {
    await stat(path)
    return { kind: 'skipped', path }
  } catch (error) {
    return problem(error, path)
  }
}

function problem(error: unknown, path: string): Entry {
  return { kind: 'problem', problem: problemOf(error, path) }
}
