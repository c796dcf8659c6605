import Database from 'better-sqlite3'
import { type ErrorCode, EventsError, isEventsError } from '../../errors.ts'
import { hasNoSpace, unwritablePart } from './file/access.ts'
import type { ErrorMessage } from './thread/messages.ts'

interface Meaning {
  readonly code: ErrorCode
  /** The part of the message after the file's name: the problem and the remedy. */
  readonly says: string | ((path: string) => string)
}

const UNREACHABLE: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says: unreachableSays,
}
const IO_FAILED: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says:
    'could not be read or written: check the disk, its quota, and the limit of file sizes of this process; the outcome ' +
    'of the current write is unknown',
}
const LOCKED: Meaning = {
  code: 'EVENTS_STORAGE_LOCKED',
  says: 'is locked by another process: try again, or end what holds it',
}
const READ_ONLY: Meaning = {
  code: 'EVENTS_STORAGE_READ_ONLY',
  says: readOnlySays,
}
const FULL: Meaning = {
  code: 'EVENTS_STORAGE_FULL',
  says:
    'has no space left: free some on the disk, which deleting events needs too; or, if it has reached maxBytes, delete ' +
    'events or raise that',
}
const DAMAGED: Meaning = {
  code: 'EVENTS_STORAGE_CORRUPT',
  says: 'is damaged, or is not an SQLite database: restore a backup, or name another file',
}

/** Meanings by SQLite's primary result code. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  BUSY: LOCKED,
  LOCKED,
  PROTOCOL: LOCKED,
  FULL,
  READONLY: READ_ONLY,
  CANTOPEN: UNREACHABLE,
  PERM: UNREACHABLE,
  IOERR: IO_FAILED,
  NOMEM: IO_FAILED,
  CORRUPT: DAMAGED,
  NOTADB: DAMAGED,
  FORMAT: DAMAGED,
}

/** Meanings by the operating system's error code, for creating the file and its directory. */
const SYSTEM_MEANINGS: Readonly<Record<string, Meaning>> = {
  EROFS: READ_ONLY,
  ENOSPC: FULL,
}

/** Returns the EventsError for any failure of the file, which it names. */
export function storageError(error: unknown, path: string): EventsError {
  if (isEventsError(error)) return error
  const meaning = meaningOf(error, path)
  if (meaning === undefined) {
    const reason = error instanceof Error ? error.message : String(error)
    return new EventsError('EVENTS_STORAGE_FAILED', `the event store ${path} failed: ${reason}`, {
      cause: error,
    })
  }
  const says = typeof meaning.says === 'string' ? meaning.says : meaning.says(path)
  return new EventsError(meaning.code, `the event store ${path} ${says}`, { cause: error })
}

/** On a full disk SQLite also fails to create or extend its logs, and reports only that. */
function meaningOf(error: unknown, path: string): Meaning | undefined {
  const meaning = meaningByCode(error)
  const maySayMore = meaning === IO_FAILED || meaning === UNREACHABLE
  return maySayMore && hasNoSpace(path) ? FULL : meaning
}

function unreachableSays(path: string): string {
  const advice = unwritableSays(path) ?? 'check that its directory exists and that this user may write there'
  return `cannot be opened: ${advice}`
}

function readOnlySays(path: string): string {
  const advice = unwritableSays(path) ?? 'it could not be written when it was opened; open it again'
  return `takes no writes: ${advice}`
}

function unwritableSays(path: string): string | undefined {
  const part = unwritablePart(path)
  if (part === undefined) return undefined
  return `${part} cannot be written by this user; check its permissions and the mount, then open the store again`
}

function meaningByCode(error: unknown): Meaning | undefined {
  // Extended codes are SQLITE_<primary>_<more>.
  if (error instanceof Database.SqliteError) return MEANINGS[error.code.split('_')[1] ?? '']
  const code = codeOf(error)
  if (code === undefined || !(error instanceof Error && 'syscall' in error)) return undefined
  return SYSTEM_MEANINGS[code] ?? UNREACHABLE
}

/** Returns the error in the form in which it is passed to the main thread. */
export function toMessage(error: EventsError): ErrorMessage {
  const { code, message, issues, cause } = error
  if (!(cause instanceof Error)) return { code, message, issues }
  const causeCode = codeOf(cause)
  return { code, message, issues, cause: { message: cause.message, ...(causeCode && { code: causeCode }) } }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
