import { randomUUID } from 'node:crypto'
import type { Stats } from 'node:fs'
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { problemOfTokens, type TokenEntry } from '@viewra/events-module'
import { readTokens } from '../tokens-file.ts'

/** An edit takes milliseconds: whoever holds the lock for longer than this is gone. */
const LOCK_WAIT_MS = 5_000
const LOCK_RETRY_MS = 20

/** The file says who may do what, so only its owner may read it. */
const OWNER_ONLY = 0o600

/** The arguments, or the file that they name, cannot be used; the message is for the person who typed them. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** @throws UsageError when the file is not there, or is not a list of tokens */
export function tokensIn(file: string): readonly TokenEntry[] {
  try {
    return readTokens(file)
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}

/**
 * Changes a tokens file, which is made when it is not there: a reader finds all of the old one or all of the new one,
 * and two edits at once happen one after the other.
 * @throws UsageError when the file is broken or locked, and what `edit` throws; the file is as it was then
 */
export async function editTokens(
  given: string,
  edit: (entries: readonly TokenEntry[]) => readonly TokenEntry[],
): Promise<void> {
  // A link stays one: what it leads to is what changes.
  const file = await realpath(given).catch(() => given)
  const lock = `${file}.lock`
  await (await lockFile(lock)).close()
  try {
    const before = await statsOf(file)
    const entries = edit(before === undefined ? [] : tokensIn(file))
    const problem = problemOfTokens(entries)
    if (problem !== undefined) throw new UsageError(`${file} ${problem}`)
    await replace(file, `${JSON.stringify(entries, undefined, 2)}\n`, before)
  } finally {
    await rm(lock, { force: true })
  }
}

async function lockFile(lock: string): Promise<FileHandle> {
  const endMs = performance.now() + LOCK_WAIT_MS
  for (;;) {
    try {
      return await open(lock, 'wx', OWNER_ONLY)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw new UsageError(messageOf(error), { cause: error })
      if (performance.now() > endMs)
        throw new UsageError(`${lock} is in the way: if no other command is running, remove it`)
      await sleep(LOCK_RETRY_MS)
    }
  }
}

/** @returns undefined when there is no such file */
async function statsOf(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new UsageError(messageOf(error), { cause: error })
  }
}

/** Writes the new file to the disk before it replaces the old one, so that not even a power cut leaves half a file. */
async function replace(file: string, text: string, before: Stats | undefined): Promise<void> {
  const next = `${file}.${randomUUID()}.new`
  try {
    const handle = await open(next, 'wx', OWNER_ONLY)
    try {
      if (before !== undefined) await handOver(handle, before)
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(next, file)
  } catch (error) {
    await rm(next, { force: true })
    throw new UsageError(messageOf(error), { cause: error })
  }
}

/**
 * Gives a file the owner, group and mode of the one whose place it takes: a server of another user than the one who
 * types the command could not read it otherwise, and would keep to its former tokens.
 */
async function handOver(handle: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  const own = await handle.stat()
  if (own.uid !== uid || own.gid !== gid) {
    await handle.chown(uid, gid).catch((cause: unknown) => {
      const reason = `the file belongs to user ${uid} and group ${gid}, and would no longer: run this as that user`
      throw new Error(reason, { cause })
    })
  }
  await handle.chmod(mode & 0o777)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
