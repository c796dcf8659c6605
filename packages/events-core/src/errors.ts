/**
 * Every code of an `EventsError`, with its meaning and what to do about it. `retryable` says whether the same call may succeed
 * later unchanged.
 */
export const ERROR_CODES = {
  EVENTS_INVALID: {
    retryable: false,
    meaning: 'the input is invalid',
    remedy: 'correct what `issues` lists: each has the path and the constraint that was violated',
  },
  EVENTS_BUFFER_FULL: {
    retryable: true,
    meaning: 'the write buffer has no room for the event: more is being published than the store can write',
    remedy: 'publish again later and more slowly, or raise `bufferEvents` and `bufferBytes` for bursts',
  },
  EVENTS_NOT_RUNNING: {
    retryable: false,
    meaning: 'the bus was not started, or is stopped',
    remedy: 'call `bus.start()` first, and end what uses the bus before stopping it',
  },
  EVENTS_NOT_FOUND: {
    retryable: false,
    meaning: 'there is no such event, subscription, dead letter or job',
    remedy: 'check the name; it may have been deleted, renamed or removed by retention',
  },
  EVENTS_CONFLICT: {
    retryable: false,
    meaning: 'something else of that name already exists, or its state does not permit the change',
    remedy: 'choose another name, or change or delete what exists first, as the message says',
  },
  EVENTS_LEASE_LOST: {
    retryable: true,
    meaning: 'another process has taken over the work; nothing was changed',
    remedy: 'nothing: the other process continues. If it happens often, raise `leaseMs`',
  },
  EVENTS_HANDLER_TIMEOUT: {
    retryable: true,
    meaning: 'a handler did not settle within its time',
    remedy: 'make the handler faster, or raise `handlerTimeoutMs`',
  },
  EVENTS_NO_GLOBAL_BUS: {
    retryable: false,
    meaning: 'the global bus was requested before it was set',
    remedy: 'call `setGlobalEventBus` when the program starts',
  },
  EVENTS_STORAGE_UNAVAILABLE: {
    retryable: true,
    meaning: 'the store cannot be reached, or does not respond',
    remedy: 'check that the database runs and can be reached; the bus reconnects by itself',
  },
  EVENTS_STORAGE_LOCKED: {
    retryable: true,
    meaning: 'another process holds the store',
    remedy: 'end the program that holds it, such as a database tool with an open transaction',
  },
  EVENTS_STORAGE_FULL: {
    retryable: true,
    meaning: 'the store has no space left',
    remedy: 'free disk space; events that wait are then written',
  },
  EVENTS_STORAGE_READ_ONLY: {
    retryable: true,
    meaning: 'the store accepts no writes',
    remedy: 'give the process write access to the file and its folder, or connect to the primary server',
  },
  EVENTS_STORAGE_CORRUPT: {
    retryable: false,
    meaning: 'the store is damaged, or is not an event store',
    remedy: 'check the path or URL; restore a damaged store from a backup',
  },
  EVENTS_STORAGE_FAILED: {
    retryable: false,
    meaning: 'the store refused the operation',
    remedy: 'read `cause` or the log: the database says why',
  },
} as const satisfies Record<string, { retryable: boolean; meaning: string; remedy: string }>

export type ErrorCode = keyof typeof ERROR_CODES

/** One violation: `path` is a dotted path into the input ('' for the input itself). */
export interface Issue {
  readonly path: string
  readonly message: string
}

/** The same for every copy of this package that a process loads. */
const BRAND = Symbol.for('@viewra/events-core/EventsError')

/**
 * The only error class of this package. Tell errors apart by `code`; `message` says what was wrong and what to do,
 * `issues` is filled for EVENTS_INVALID, `cause` keeps the underlying error. An error from another copy of this package
 * is an instance of another class: recognise errors with `isEventsError`.
 */
export class EventsError extends Error {
  override readonly name = 'EventsError'
  readonly code: ErrorCode
  readonly issues: readonly Issue[]

  static {
    // Not a field: types that name the symbol would differ between copies.
    Object.defineProperty(EventsError.prototype, BRAND, { value: true })
  }

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; issues?: readonly Issue[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.issues = options.issues ?? []
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable
  }
}

/**
 * Returns whether a value is an `EventsError`, from this copy of the package or another one loaded by the process:
 * a bus and the code that uses it may come from different copies.
 */
export function isEventsError(error: unknown): error is EventsError {
  try {
    return typeof error === 'object' && error !== null && BRAND in error
  } catch {
    // A proxy may throw whenever it is accessed.
    return false
  }
}

/** Creates an EVENTS_INVALID error whose message names the first violation and counts the rest. */
export function invalid(subject: string, issues: readonly [Issue, ...Issue[]]): EventsError {
  const [first] = issues
  const where = first.path === '' ? subject : `${subject}: ${first.path}`
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  return new EventsError('EVENTS_INVALID', `${where} ${first.message}${more}`, { issues })
}
