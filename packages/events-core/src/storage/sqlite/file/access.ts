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

/** Events may tell who watches what: they are for the user who runs the program. SQLite gives its logs the same mode. */
const OWNER_ONLY = { file: 0o600, directory: 0o700 } as const

/** Less than this is of no use: the index of SQLite's log alone takes 32 KiB. */
const MIN_FREE_BYTES = 64 * 1024

/**
 * Creates the file and its directory where there are none. What is there keeps its mode.
 * @throws EventsError EVENTS_STORAGE_UNAVAILABLE for what is no regular file; the system's error when it cannot be made
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
 * Opens nothing that is there already: to close a file lets go of the locks that this process holds on it, those of a
 * store that is open included.
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
 * Gives the logs of SQLite, which a start with a read-only file left behind read-only, the mode that the file has by
 * now. Where that is not allowed the first write says what is in the way.
 */
function mendLogs(path: string, mode: number): void {
  if (!isWritable(path)) return
  for (const log of logsOf(path)) {
    try {
      if (!isWritable(log)) chmodSync(log, mode & 0o777)
    } catch {}
  }
}

/** Returns the first of the file, its logs and its directory that this user may not write. */
export function unwritablePart(path: string): string | undefined {
  return [path, ...logsOf(path), dirname(path)].find((name) => existsSync(name) && !isWritable(name))
}

/** Returns whether the file system has no room for one more log; false when it does not tell. */
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
