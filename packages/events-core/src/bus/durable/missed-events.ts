import type { EventMetrics } from '../../metrics/metrics.ts'
import type { PositionRange } from '../../storage/contract/subscriptions.ts'
import type { Logger } from '../api.ts'

export interface MissedEventsOptions {
  /** Of the subscription. */
  readonly name: string
  readonly metrics: EventMetrics
  readonly logger: Logger
}

/** What a partition could not have, because retention had removed it before it was read. */
export class MissedEvents {
  readonly #options: MissedEventsOptions
  #unsaved: PositionRange | undefined

  constructor(options: MissedEventsOptions) {
    this.#options = options
  }

  /** What was found and is to be saved with the position. */
  get unsaved(): PositionRange | undefined {
    return this.#unsaved
  }

  saved(range: PositionRange | undefined): void {
    if (this.#unsaved === range) this.#unsaved = undefined
  }

  /**
   * Notes what retention removed of a range in which a read found nothing. What is removed between the read and the look at
   * `keptFrom`, when the filter had passed over it, is all that may be taken for missed.
   */
  note({ from, to: last }: PositionRange, keptFrom: number): void {
    const to = Math.min(last, keptFrom - 1)
    if (to < from) return
    const { metrics, logger, name } = this.#options
    this.#unsaved = { from: this.#unsaved?.from ?? from, to }
    metrics.missed(name, to - from + 1)
    const details = { subscription: name, from, to }
    logger.warn(details, 'Retention removed events before a durable subscription had them')
  }
}
