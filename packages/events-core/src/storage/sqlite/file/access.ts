import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { EventsError } from '../../../errors.ts'

/**
 * Events may reveal who watches what, so only the user who runs the program may read them. SQLite gives its logs the same
 * mode.
 */
const OWNER_ONLY = { file: 0o600, directory: 0o700 } as const

/** Less free space than this counts as none: the index of SQLite's log alone takes 32 KiB. */
const MIN_FREE_BYTES = 64 * 1024

/**
 * Creates the file and its directory if they do not exist. Existing ones keep their mode.
 * @throws EventsError EVENTS_STORAGE_UNAVAILABLE if it is not a regular file; the system's error if it cannot be created
 */
export function createFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: OWNER_ONLY.directory })
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) {
    createNew(path)
    return
  }
  if (!found.isFile())
    throw new EventsError('EVENTS_STORAGE_UNAVAILABLE', `${path} is not a regular file: name another path`)
  mendLogs(path, found.mode)
}

/**
 * Does not open an existing file: closing a file releases all locks that this process holds on it, including those of an
 * open store.
 */
function createNew(path: string): void {
  try {
    closeSync(openSync(path, 'wx', OWNER_ONLY.file))
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    if (!isThere) throw error
  }
}

/**
 * Gives SQLite's logs the file's mode, because a start with a read-only file leaves read-only logs behind. If that is not
 * allowed, the first write reports the cause.
 */
function mendLogs(path: string, mode: number): void {
  if (!isWritable(path)) return
  for (const log of logsOf(path)) {
    try {
      if (!isWritable(log)) chmodSync(log, mode & 0o777)
    } catch {}
  }
}

/** Returns the first of the file, its logs and its directory that this user may not write to. */
export function unwritablePart(path: string): string | undefined {
  return [path, ...logsOf(path), dirname(path)].find((name) => existsSync(name) && !isWritable(name))
}

/** Returns whether the file system has no room for another log; false if that is unknown. */
export function hasNoSpace(path: string): boolean {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(dirname(path))
    return bavail * bsize < MIN_FREE_BYTES || (files > 0 && ffree === 0)
  } catch {
    return false
  }
}

function logsOf(path: string): string[] {
  return [`${path}-wal`, `${path}-shm`]
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
