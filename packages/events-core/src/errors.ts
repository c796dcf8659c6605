/**
 * Every code of an `EventsError`; docs/reference/errors.md has their meanings. `retryable` is true if the same call may
 * succeed later unchanged.
 */
export const ERROR_CODES = {
  EVENTS_INVALID: { retryable: false },
  EVENTS_BUFFER_FULL: { retryable: true },
  EVENTS_NOT_RUNNING: { retryable: false },
  EVENTS_NOT_FOUND: { retryable: false },
  EVENTS_CONFLICT: { retryable: false },
  EVENTS_LEASE_LOST: { retryable: true },
  EVENTS_HANDLER_TIMEOUT: { retryable: true },
  EVENTS_NO_GLOBAL_BUS: { retryable: false },
  EVENTS_STORAGE_UNAVAILABLE: { retryable: true },
  EVENTS_STORAGE_LOCKED: { retryable: true },
  EVENTS_STORAGE_FULL: { retryable: true },
  EVENTS_STORAGE_READ_ONLY: { retryable: true },
  EVENTS_STORAGE_CORRUPT: { retryable: false },
  EVENTS_STORAGE_FAILED: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>

export type ErrorCode = keyof typeof ERROR_CODES

/** One violation: `path` is a dotted path into the input ('' for the input itself). */
export interface Issue {
  readonly path: string
  readonly message: string
}

/** The same for every copy of this package that a process loads. */
const BRAND = Symbol.for('@viewra/events-core/EventsError')

/**
 * The only error class of this package. Distinguish errors by `code`; `message` says what was wrong and what to do,
 * `issues` is filled for EVENTS_INVALID, `cause` is the underlying error. An error from another copy of this package is an
 * instance of another class: recognise errors with `isEventsError`.
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
