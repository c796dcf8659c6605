import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http'
import { type EventsError, guardedLogger, isEventsError } from '@viewra/events-core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { logClientFault } from './log-client-fault.ts'
import { HttpError, type HttpErrorCode, PROBLEMS, type Problem, type ProblemKind } from './problem.ts'

/** Maps what Fastify refuses before a handler runs to this module's codes. */
const FASTIFY_CODES: ReadonlyMap<unknown, readonly [HttpErrorCode, string]> = new Map([
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', ['HTTP_UNSUPPORTED_MEDIA_TYPE', 'send the body as application/json']],
  ['FST_ERR_CTP_BODY_TOO_LARGE', ['HTTP_BODY_TOO_LARGE', 'the body is larger than this server takes']],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', ['HTTP_BAD_JSON', 'the body is not as long as its content-length']],
] satisfies [string, readonly [HttpErrorCode, string]][])

/** More violations than this repeat the same mistake; `detail` counts them all. */
const MAX_ERRORS = 50

interface Answer {
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>
}

/** Answers anything thrown below the module's prefix with a problem, and logs faults of the server. */
export function handleError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { problem, headers } = answerTo(error)
  // A status the host asked for, such as 502, is its own business; a 503 of ours says all there is to say.
  if (problem.status === 500)
    guardedLogger(request.log).error({ err: error }, 'a request to the events API failed')
  else logClientFault(request, { code: problem.code, status: problem.status }, problem.detail)
  return reply
    .code(problem.status)
    .headers({ ...headers })
    .type('application/problem+json')
    .send(problem)
}

/** Returns the problem that an error is answered with. Never throws. */
export function problemOf(error: unknown): Problem {
  return answerTo(error).problem
}

/** Never throws. What a host throws may be anything, and may throw in turn when it is looked at. */
function answerTo(error: unknown): Answer {
  try {
    if (error instanceof HttpError) return ownAnswer(error, error.headers)
    return isEventsError(error) ? ownAnswer(error, {}) : foreignAnswer(error)
  } catch {
    return ownAnswer(new HttpError('HTTP_INTERNAL', 'what was thrown cannot be described'), {})
  }
}

function ownAnswer(error: HttpError | EventsError, headers: Readonly<Record<string, string>>): Answer {
  const { status, title, retryAfter, advises } = kindOf(error.code)
  // What went wrong inside is for the log, but for what an operator can set right.
  const isInside = status === 500 && advises !== true
  const detail = isInside ? 'the server could not do this; its log says why' : error.message
  const retry: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
  const errors = error.issues.length === 0 ? {} : { errors: error.issues.slice(0, MAX_ERRORS) }
  const type = `urn:viewra:problem:${error.code}`
  return {
    problem: { type, title, status, detail, code: error.code, ...errors, error: title, details: detail },
    headers: { ...retry, ...headers },
  }
}

/** A later version of core, whose bus the app uses, may have codes that this module does not know. */
function kindOf(code: string): ProblemKind {
  return new Map<string, ProblemKind>(Object.entries(PROBLEMS)).get(code) ?? PROBLEMS.HTTP_INTERNAL
}

/** Errors of Fastify, and of the host app's own hooks: these keep their status and headers. */
function foreignAnswer(error: unknown): Answer {
  const { statusCode, code, message, headers } = fieldsOf(error)
  const known = FASTIFY_CODES.get(code)
  if (known !== undefined) return ownAnswer(new HttpError(...known), {})
  if (statusCode === undefined) return ownAnswer(new HttpError('HTTP_INTERNAL', message), {})
  const title = STATUS_CODES[statusCode] ?? 'Error'
  const detail = statusCode < 500 ? message : title
  const named = code ?? `HTTP_${statusCode}`
  const problem = {
    type: 'about:blank',
    title,
    status: statusCode,
    detail,
    code: named,
    error: title,
    details: detail,
  }
  return { problem, headers }
}

interface ForeignFields {
  readonly statusCode: number | undefined
  readonly code: string | undefined
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
}

function fieldsOf(error: unknown): ForeignFields {
  if (!(error instanceof Error))
    return { statusCode: undefined, code: undefined, message: String(error), headers: {} }
  const status = 'statusCode' in error ? error.statusCode : undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const isHttp = typeof status === 'number' && status >= 400 && status <= 599
  return { statusCode: isHttp ? status : undefined, code, message: error.message, headers: headersOf(error) }
}

function headersOf(error: Error): Readonly<Record<string, string>> {
  if (!('headers' in error) || typeof error.headers !== 'object' || error.headers === null) return {}
  const headers = Object.entries(error.headers).map(([name, value]) => [name, String(value)] as const)
  return Object.fromEntries(headers.filter(([name, value]) => isHeader(name, value)))
}

/** Node throws for others when the answer is sent, which is too late for another one. */
function isHeader(name: string, value: string): boolean {
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
