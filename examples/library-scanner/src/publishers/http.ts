import { setTimeout as sleep } from 'node:timers/promises'
import { createEventId, type EventInput } from '@viewra/events-core'
import { type Outcome, outcomeOf, unreachable } from './http-outcome.ts'
import type { Publisher } from './publisher.ts'

export interface HttpPublisherOptions {
  /** The server's URL, `http://127.0.0.1:8080`, with the path under which a proxy serves it, if any. */
  readonly url: URL
  /** The time for which an event is retried while the server is unavailable or overloaded; 60,000 by default. */
  readonly giveUpAfterMs?: number
  /** The time after which an unanswered request counts as failed; 10,000 by default. */
  readonly requestTimeoutMs?: number
  /** Waits between attempts; a timer by default. */
  readonly pause?: (ms: number) => Promise<unknown>
  /** Returns the time in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
}

const MIN_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 5_000

/**
 * Publishes over the HTTP API, one request per event, over connections that are kept open; as many requests run in
 * parallel as there are callers. Every attempt for an event carries the same id, so an event whose response was lost
 * is not stored a second time: the server recognises the id and reports a duplicate.
 */
export class HttpPublisher implements Publisher {
  readonly #endpoint: URL
  readonly #giveUpAfterMs: number
  readonly #requestTimeoutMs: number
  readonly #pause: (ms: number) => Promise<unknown>
  readonly #now: () => number

  constructor(options: HttpPublisherOptions) {
    this.#endpoint = new URL(`${options.url.pathname.replace(/\/*$/, '')}/api/v1/events`, options.url)
    this.#giveUpAfterMs = options.giveUpAfterMs ?? 60_000
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 10_000
    this.#pause = options.pause ?? sleep
    this.#now = options.now ?? Date.now
  }

  async publish<T extends string>(event: EventInput<T>): Promise<void> {
    const body = JSON.stringify({ id: createEventId(this.#now()), ...event })
    const deadline = this.#now() + this.#giveUpAfterMs
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#post(body)
      if (outcome.kind === 'stored') return
      const what = `${event.type} could not be published to ${this.#endpoint}`
      if (outcome.kind === 'refused') throw new Error(`${what}: ${outcome.reason}`)
      const waitMs = outcome.retryAfterMs + backoffMs(attempt)
      if (this.#now() + waitMs > deadline) {
        throw new Error(`${what} in ${attempt} attempts: ${outcome.reason}`, { cause: outcome.cause })
      }
      await this.#pause(waitMs)
    }
  }

  /** Does nothing: idle connections do not keep a process alive. */
  async close(): Promise<void> {}

  async #post(body: string): Promise<Outcome> {
    try {
      const response = await fetch(this.#endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        // If followed, a redirect would turn the POST into a GET, whose response looks like success.
        redirect: 'manual',
        signal: AbortSignal.timeout(this.#requestTimeoutMs),
      })
      // Read every response to its end, or the connection cannot be reused.
      return outcomeOf(response, await response.text(), this.#now())
    } catch (error) {
      return unreachable(error)
    }
  }
}

/** Doubles with each attempt; the jitter spreads requests that failed together. */
function backoffMs(attempt: number): number {
  const ceiling = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** (attempt - 1))
  return ceiling * (0.5 + Math.random() / 2)
}
