import { type Static, Type } from '@sinclair/typebox'
import { type ErrorCode, EventsError, type Issue } from '@viewra/events-core'

/** The answer to errors of one code. */
export interface ProblemKind {
  readonly status: number
  readonly title: string
  /** Seconds after which the same request may be sent again. */
  readonly retryAfter?: number
  /** A fault of the server whose message is advice for whoever runs it. */
  readonly advises?: boolean
}

/** Describes an error code on the reference page. Codes of the bus have these texts in core. */
export interface ProblemText {
  readonly meaning: string
  readonly remedy: string
}

/** Errors of the request itself, before any of it reaches the bus. */
export const HTTP_PROBLEMS = {
  HTTP_BAD_JSON: {
    status: 400,
    title: 'Invalid JSON',
    meaning: 'the body is not JSON in UTF-8, or not as long as its `Content-Length`',
    remedy: 'send valid JSON; the message says where it breaks off',
  },
  HTTP_MALFORMED: {
    status: 400,
    title: 'Malformed request',
    meaning: 'the data is not an HTTP/1.1 request',
    remedy: 'check the client, and that it does not speak TLS to a plain port',
  },
  HTTP_UNAUTHORIZED: {
    status: 401,
    title: 'Unauthorized',
    meaning: 'there is no token, or the server does not know it',
    remedy: 'send `Authorization: Bearer <token>`, or a ticket for a stream',
  },
  HTTP_FORBIDDEN: {
    status: 403,
    title: 'Forbidden',
    meaning: 'the token does not permit this, or the server has no tokens and the client is not local',
    remedy: 'use a token of the role that the message names, or configure tokens',
  },
  HTTP_NOT_FOUND: {
    status: 404,
    title: 'Not found',
    meaning: 'there is no such path',
    remedy: 'check the path and the prefix of the API',
  },
  HTTP_METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'the path supports other methods',
    remedy: 'use one of those in `Allow`',
  },
  HTTP_REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request timeout',
    meaning: 'the request took too long to arrive',
    remedy: 'send it faster, or in smaller batches',
  },
  HTTP_BODY_TOO_LARGE: {
    status: 413,
    title: 'Body too large',
    meaning: 'the body is larger than the server accepts',
    remedy: 'send less at once, or raise `bodyLimit` or `batchBodyLimit`',
  },
  HTTP_UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Unsupported media type',
    meaning:
      'the body is compressed, not in UTF-8, or of a type that the path does not accept; or a WebSocket message is not a text frame',
    remedy: 'send the type that the message names, uncompressed',
  },
  HTTP_UPGRADE_REQUIRED: {
    status: 426,
    title: 'Upgrade required',
    meaning: 'the path accepts only WebSocket connections',
    remedy: 'open it as a WebSocket',
  },
  HTTP_RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    retryAfter: 1,
    meaning: 'too many requests with this token or from this address',
    remedy: 'send less, or raise the limit',
  },
  HTTP_HEADERS_TOO_LARGE: {
    status: 431,
    title: 'Headers too large',
    meaning: 'the path and headers are larger than the server accepts',
    remedy: 'shorten the query or the cookies',
  },
  HTTP_CLIENT_GONE: {
    status: 499,
    title: 'Client closed the request',
    meaning: 'the client disconnected before the response; only in logs',
    remedy: 'nothing',
  },
  HTTP_INTERNAL: {
    status: 500,
    title: 'Internal error',
    meaning: 'a fault in the server',
    remedy: "read the server's log, and report it",
  },
  HTTP_OVERLOADED: {
    status: 503,
    title: 'Overloaded',
    retryAfter: 1,
    meaning: 'the server has no capacity now; the request was not processed',
    remedy: 'send it again later, and have fewer requests in progress',
  },
  HTTP_QUERY_TIMEOUT: {
    status: 503,
    title: 'Query took too long',
    retryAfter: 5,
    meaning: 'the store took too long to find the answer',
    remedy:
      'narrow the query by type, source, tags or time, page by `cursor`, or omit the total with `count=none`',
  },
  HTTP_SHUTTING_DOWN: {
    status: 503,
    title: 'Shutting down',
    retryAfter: 5,
    meaning: 'the server is shutting down',
    remedy: 'send the request again when it is back',
  },
} as const satisfies Record<`HTTP_${string}`, ProblemKind & ProblemText>

const EVENTS_PROBLEMS = {
  EVENTS_INVALID: { status: 400, title: 'Invalid request' },
  EVENTS_NOT_FOUND: { status: 404, title: 'Not found' },
  EVENTS_CONFLICT: { status: 409, title: 'Conflict' },
  EVENTS_LEASE_LOST: { status: 500, title: 'Internal error' },
  EVENTS_BUFFER_FULL: { status: 503, title: 'Overloaded', retryAfter: 1 },
  EVENTS_NOT_RUNNING: { status: 503, title: 'Event bus not running', retryAfter: 5 },
  EVENTS_HANDLER_TIMEOUT: { status: 500, title: 'Internal error' },
  EVENTS_NO_GLOBAL_BUS: { status: 500, title: 'Internal error' },
  EVENTS_STORAGE_UNAVAILABLE: { status: 503, title: 'Event store unavailable', retryAfter: 5 },
  EVENTS_STORAGE_LOCKED: { status: 503, title: 'Event store locked', retryAfter: 5 },
  EVENTS_STORAGE_FULL: { status: 503, title: 'Event store full', retryAfter: 30 },
  EVENTS_STORAGE_READ_ONLY: { status: 503, title: 'Event store read-only', retryAfter: 30 },
  EVENTS_STORAGE_CORRUPT: { status: 500, title: 'Event store damaged', advises: true },
  EVENTS_STORAGE_FAILED: { status: 500, title: 'Event store failed' },
} as const satisfies Record<ErrorCode, ProblemKind>

export type HttpErrorCode = keyof typeof HTTP_PROBLEMS
export type ProblemCode = HttpErrorCode | ErrorCode

/** Every code that an answer of this module can carry. */
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemKind>> = { ...HTTP_PROBLEMS, ...EVENTS_PROBLEMS }

const IssueSchema = Type.Object(
  { path: Type.String(), message: Type.String() },
  { $id: 'ProblemIssue', description: 'A rule that was broken, and where.' },
)

/** RFC 9457; `error` and `details` repeat title and detail under the names that the original's clients read. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({
      description: '`urn:viewra:problem:` and the code; `about:blank` for a code of the host app.',
    }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was wrong, and what to send instead.' }),
    code: Type.String({ description: 'Stable: tell errors apart by it.' }),
    errors: Type.Optional(
      Type.Array(IssueSchema, {
        description: 'Each broken rule, with the name of the parameter or the path of the field.',
      }),
    ),
    error: Type.String(),
    details: Type.String(),
  },
  {
    $id: 'Problem',
    description: 'A problem as RFC 9457 has it.',
    examples: [
      {
        type: 'urn:viewra:problem:EVENTS_INVALID',
        title: 'Invalid request',
        status: 400,
        detail: "limit must be an integer from 1 to 1000, not 'ten'",
        code: 'EVENTS_INVALID',
        errors: [{ path: 'limit', message: "must be an integer from 1 to 1000, not 'ten'" }],
        error: 'Invalid request',
        details: "limit must be an integer from 1 to 1000, not 'ten'",
      },
    ],
  },
)

export type Problem = Static<typeof ProblemSchema>

interface HttpErrorOptions {
  readonly cause?: unknown
  readonly issues?: readonly Issue[]
  readonly headers?: Readonly<Record<string, string>>
}

/** A request that is answered with a problem of this module's own table. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code: HttpErrorCode
  readonly issues: readonly Issue[]
  readonly headers: Readonly<Record<string, string>>

  constructor(code: HttpErrorCode, message: string, options: HttpErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.issues = options.issues ?? []
    this.headers = options.headers ?? {}
  }
}

/** An EVENTS_INVALID error whose message names the first broken rule and counts the rest. */
export function invalidRequest(issues: readonly [Issue, ...Issue[]]): EventsError {
  const [first] = issues
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  return new EventsError('EVENTS_INVALID', `${first.path} ${first.message}`.trimStart() + more, { issues })
}

export function eventNotFound(id: string): EventsError {
  return new EventsError(
    'EVENTS_NOT_FOUND',
    `there is no event '${id}': it was deleted, has expired, or never was`,
  )
}
