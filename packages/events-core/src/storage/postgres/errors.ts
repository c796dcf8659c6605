import pg from 'pg'
import { type ErrorCode, EventsError, isEventsError } from '../../errors.ts'

/** No connection could be opened: nothing was requested of the server. */
export class ConnectionRefused extends Error {
  override readonly name = 'ConnectionRefused'
}

/** The server did not answer: the connection was lost, or was silent for too long. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

interface Meaning {
  readonly code: ErrorCode
  /** The part of the message after the store's name: the problem and the remedy. */
  readonly says: string
}

const UNREACHABLE: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says: 'cannot be reached: check that the server runs, and its address',
}
const UNTRUSTED: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says: "is not trusted: check the server's certificate, its host name and the CA that is given (sslrootcert in a URL, ssl.ca in a connection)",
}
const NO_TLS: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says: 'offers no TLS, which is required: enable ssl on the server, or check its address',
}
const LOST: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says: 'did not answer, or the connection was lost: check that the server runs; the outcome of the current write is unknown',
}
const NO_ENTRY: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says: 'rejects this user: check user, password and pg_hba.conf',
}
const LOCKED: Meaning = {
  code: 'EVENTS_STORAGE_LOCKED',
  says: 'was held up by another transaction and stored nothing: try again; pg_stat_activity shows which transaction stays open',
}
/** The statement was rolled back because it took too long, or by an administrator: the server's message says which. */
const ENDED: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says: 'ended a statement, which stored nothing: try again; if it took too long, see what keeps the server busy, or raise statementTimeoutMs',
}
const INCOMPLETE: Meaning = {
  code: 'EVENTS_STORAGE_CORRUPT',
  says: 'lacks a table, a column or a function: restore what was dropped, or start this process with the version that upgraded the store',
}
const DAMAGED: Meaning = { code: 'EVENTS_STORAGE_CORRUPT', says: 'is damaged: restore a backup' }
const BUSY: Meaning = {
  code: 'EVENTS_STORAGE_UNAVAILABLE',
  says: 'has no memory or connections left: try again, or raise its limits',
}

/** Matches Node's codes for a rejected certificate; ERR_SSL_ codes mean that the server rejected ours. */
const UNTRUSTED_CODE = /^(?!ERR_SSL_).*(CERT|LEAF_SIGNATURE|INVALID_CA|INVALID_PURPOSE)/
/** The driver's message, as it has no code. */
const NO_TLS_MESSAGE = 'The server does not support SSL connections'

/** Meanings by SQLSTATE. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  '3D000': { code: 'EVENTS_STORAGE_UNAVAILABLE', says: 'does not exist: create the database' },
  '25006': {
    code: 'EVENTS_STORAGE_READ_ONLY',
    says: 'takes no writes: connect to the primary server, or make it read-write (see default_transaction_read_only of the role and the database too)',
  },
  '53100': {
    code: 'EVENTS_STORAGE_FULL',
    says: 'has no space left on its disk: free some space, or delete events',
  },
  '55P03': LOCKED,
  '57014': ENDED,
  '57P01': LOST,
  '57P02': LOST,
  // The server accepts no connections while it starts or stops.
  '57P03': UNREACHABLE,
  '57P05': LOST,
  '25P03': LOST,
  '25P04': LOST,
  '3F000': INCOMPLETE,
  '42P01': INCOMPLETE,
  '42703': INCOMPLETE,
  '42883': INCOMPLETE,
  '42501': {
    code: 'EVENTS_STORAGE_FAILED',
    says: 'denies this user a permission: let it create and use the schema',
  },
}

/** Meanings by the first two characters of SQLSTATE, for the rest of a class. */
const CLASSES: Readonly<Record<string, Meaning>> = {
  '08': LOST,
  '28': NO_ENTRY,
  // Serialisation failure and deadlock.
  '40': LOCKED,
  '53': BUSY,
  XX: DAMAGED,
}

/**
 * Returns the EventsError for any failure of the database, which it names. @param place names the database without a
 * password
 */
export function storageError(error: unknown, place: string): EventsError {
  if (isEventsError(error)) return error
  const meaning = meaningOf(error)
  const reason = error instanceof Error ? error.message : String(error)
  if (meaning !== undefined) {
    return new EventsError(meaning.code, `the event store ${place} ${meaning.says} (${reason})`, {
      cause: error,
    })
  }
  return new EventsError('EVENTS_STORAGE_FAILED', `the event store ${place} failed: ${reason}`, {
    cause: error,
  })
}

/**
 * Returns whether opening a store may succeed later: its server cannot be reached, is starting or stopping, or has no
 * connection left.
 * @param error the error that `open` threw
 */
export function isServerAway(error: unknown): boolean {
  const meaning = error instanceof EventsError ? meaningOf(error.cause) : undefined
  return meaning === UNREACHABLE || meaning === LOST || meaning === BUSY
}

/** Returns whether the server ended the connection with this error. */
export function endsConnection(error: pg.DatabaseError): boolean {
  const meaning = meaningOf(error)
  return meaning === UNREACHABLE || meaning === LOST
}

/** Returns whether a unique index rejected a row because its key exists. */
export function isAlreadyThere(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505'
}

function meaningOf(error: unknown): Meaning | undefined {
  if (error instanceof ConnectionRefused) return refusal(error)
  if (error instanceof ConnectionLost) return LOST
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return undefined
  if (error.code === 'XX000') return undefined
  return MEANINGS[error.code] ?? CLASSES[error.code.slice(0, 2)]
}

function refusal({ cause, message }: ConnectionRefused): Meaning {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (UNTRUSTED_CODE.test(code)) return UNTRUSTED
  return message === NO_TLS_MESSAGE ? NO_TLS : UNREACHABLE
}
