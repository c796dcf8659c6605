/** The outcome of an attempt to publish. */
export type Outcome =
  | { readonly kind: 'stored' }
  /** The event or the request is invalid: sending it again would not help. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** A later attempt may succeed. `retryAfterMs` is the delay that the server requested; 0 if it requested none. */
  | {
      readonly kind: 'unavailable'
      readonly reason: string
      readonly retryAfterMs: number
      readonly cause?: unknown
    }

/** Too many requests, and the ways in which a server, or a proxy in front of it, says that it cannot respond now. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** @param nowMs the current time, for a Retry-After that is a date */
export function outcomeOf(response: Response, body: string, nowMs: number): Outcome {
  if (response.status === 201) return { kind: 'stored' }
  const reason = `the answer was ${response.status} ${detailOf(body)}`.trim()
  if (!RETRYABLE.has(response.status)) return { kind: 'refused', reason }
  return {
    kind: 'unavailable',
    reason,
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), nowMs),
  }
}

/** Returns the outcome of an attempt without a response: no connection, a lost one, or a timeout. */
export function unreachable(error: unknown): Outcome {
  return { kind: 'unavailable', reason: reasonOf(error), retryAfterMs: 0, cause: error }
}

/** `fetch` reports only "fetch failed"; the cause says what happened, sometimes only in its code. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  const code = 'code' in cause ? String(cause.code) : ''
  return cause.message || code || error.message
}

/** Returns the `detail` of a problem (RFC 9457), or else the start of the response body. */
function detailOf(body: string): string {
  try {
    const problem: unknown = JSON.parse(body)
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return String(problem.detail)
  } catch {
    // Not JSON: a proxy's page, or nothing.
  }
  return body.slice(0, 200)
}

/** Parses seconds or an HTTP date (RFC 9110, section 10.2.3); returns 0 for none, a past one or an invalid one. */
function retryAfterMs(header: string | null, nowMs: number): number {
  if (header === null) return 0
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) ? 0 : Math.max(ms, 0)
}
