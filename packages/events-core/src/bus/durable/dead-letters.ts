import { checkOptions, integer, text } from '../../check-options.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterPage } from '../../storage/contract/dead-letters.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'

const FILTER_RULES = { id: text(128), subscription: text(128), type: text(128) }
const LIST_RULES = { filter: () => undefined, limit: integer(1, 1_000), after: text(128) }
const RETRY_RULES = {
  limit: integer(1, 100_000),
  dryRun: (value: unknown) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
}

/**
 * The events that handlers of durable subscriptions failed to handle. Every method fails with EVENTS_NOT_RUNNING while the
 * bus is not running.
 */
export class DeadLetters {
  readonly #openStorage: () => EventStorage
  readonly #requested: () => void

  /** @param requested called when retries were requested, so that they start without waiting for the next check */
  constructor(openStorage: () => EventStorage, requested: () => void) {
    this.#openStorage = openStorage
    this.#requested = requested
  }

  /** Returns a page of dead letters, newest first. @throws EventsError EVENTS_INVALID */
  async list(query: { filter?: DeadLetterFilter; limit: number; after?: string }): Promise<DeadLetterPage> {
    const storage = this.#openStorage()
    checkOptions('dead letter query', query, LIST_RULES)
    return storage.deadLetters.list({ ...query, filter: checked(query.filter ?? {}) })
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const page = await this.list({ filter: { id }, limit: 1 })
    return page.deadLetters[0]
  }

  /**
   * Requests a retry of the matching dead letters: the process that runs the subscription calls the handler again, apart
   * from the subscription's own events. A dead letter that fails again stays, with its attempts added up.
   * @param options.limit the maximum number of retries, oldest first; 1,000 by default
   * @param options.dryRun only counts the dead letters
   * @returns the number of requested retries
   */
  async retry(filter: DeadLetterFilter, options: { limit?: number; dryRun?: boolean } = {}): Promise<number> {
    const storage = this.#openStorage()
    checkOptions('retry', options, RETRY_RULES)
    const { limit = 1_000, dryRun = false } = options
    if (dryRun)
      return Math.min(limit, (await storage.deadLetters.list({ filter: checked(filter), limit: 1 })).total)
    const count = await storage.deadLetters.requestRetry(checked(filter), limit)
    this.#requested()
    return count
  }

  /** Cancels pending retries and returns their number. */
  async cancelRetry(filter: DeadLetterFilter): Promise<number> {
    return this.#openStorage().deadLetters.cancelRetry(checked(filter))
  }

  /** Deletes the matching dead letters and returns their number. */
  async delete(filter: DeadLetterFilter): Promise<number> {
    return this.#openStorage().deadLetters.delete(checked(filter))
  }
}

function checked(filter: DeadLetterFilter): DeadLetterFilter {
  checkOptions('dead letter filter', filter, FILTER_RULES)
  return filter
}
