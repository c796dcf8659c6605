import type { DropReason, EventMetrics } from '../metrics/metrics.ts'
import type { Logger } from './api.ts'

const LOG_INTERVAL_MS = 1_000

/** Counts every dropped event by reason, and logs the sums at most once a second. */
export class DropLog {
  readonly #metrics: EventMetrics
  readonly #logger: Logger
  readonly #counts = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #quietUntil = 0

  constructor(metrics: EventMetrics, logger: Logger) {
    this.#metrics = metrics
    this.#logger = logger
  }

  /** @param subscription the subscription whose queue dropped them; undefined for the write buffer */
  add(reason: DropReason, count: number, subscription?: string): void {
    this.#metrics.dropped(reason, count)
    const key = subscription === undefined ? reason : `${reason} (${subscription})`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
    const waitMs = this.#quietUntil - performance.now()
    if (waitMs <= 0) this.flush()
    else this.#timer ??= setTimeout(() => this.flush(), waitMs).unref()
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#counts.size === 0) return
    this.#logger.warn({ dropped: Object.fromEntries(this.#counts) }, 'Events were dropped')
    this.#counts.clear()
    this.#quietUntil = performance.now() + LOG_INTERVAL_MS
  }
}
