import type { EventMetrics } from '../../metrics/metrics.ts'
import type { PositionRange } from '../../storage/contract/subscriptions.ts'
import type { Logger } from '../api.ts'
import type { LogItem } from '../tail/log-reader.ts'

export interface MissedEventsOptions {
  /** The subscription's name. */
  readonly name: string
  readonly metrics: EventMetrics
  readonly logger: Logger
}

/** Tracks the positions that a partition missed, because retention had removed them before they were read. */
export class MissedEvents {
  readonly #options: MissedEventsOptions
  #unsaved: PositionRange | undefined

  constructor(options: MissedEventsOptions) {
    this.#options = options
  }

  /** The missed range that must be saved with the next checkpoint. */
  get unsaved(): PositionRange | undefined {
    return this.#unsaved
  }

  saved(range: PositionRange | undefined): void {
    if (this.#unsaved === range) this.#unsaved = undefined
  }

  /**
   * Records the positions that retention removed before an item's first event. Events that do not match are included if
   * they were removed between reading the page and reading `keptFrom`.
   */
  note(item: LogItem): void {
    if (item.kind !== 'page') return
    const from = item.after + 1
    const firstFound = item.events[0]?.position ?? item.position + 1
    const to = Math.min(firstFound, item.head.keptFrom) - 1
    if (to < from) return
    const { metrics, logger, name } = this.#options
    this.#unsaved = { from: this.#unsaved?.from ?? from, to }
    metrics.missed(name, to - from + 1)
    const details = { subscription: name, from, to }
    logger.warn(details, 'Retention removed events before a durable subscription read them')
  }
}
