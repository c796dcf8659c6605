import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterStore,
  Failure,
} from '../contract/dead-letters.ts'
import type { HeldLease } from '../contract/subscriptions.ts'
import type { DeadLetterQuery } from '../sql/subscriptions/dead-letters.ts'
import type { Threads } from './thread/threads.ts'

/** Dead letters, kept by the two threads. */
export class SqliteDeadLetters implements DeadLetterStore {
  readonly #threads: () => Threads
  readonly #now: () => number

  /** @param threads throws while the store is not open */
  constructor(threads: () => Threads, now: () => number) {
    this.#threads = threads
    this.#now = now
  }

  async park(failure: Failure, lease?: HeldLease): Promise<boolean> {
    return await this.#threads().writer.call('parkDeadLetter', { failure, lease, nowMs: this.#now() })
  }

  async list(query: DeadLetterQuery): Promise<DeadLetterPage> {
    return await this.#threads().reader.call('listDeadLetters', { query })
  }

  async delete(filter: DeadLetterFilter): Promise<number> {
    return await this.#threads().writer.call('deleteDeadLetters', { filter })
  }

  async requestRetry(filter: DeadLetterFilter, limit: number): Promise<number> {
    return await this.#threads().writer.call('requestRetry', { filter, limit })
  }

  async cancelRetry(filter: DeadLetterFilter): Promise<number> {
    return await this.#threads().writer.call('cancelRetry', { filter })
  }

  async retryRequests(subscription: string, limit: number): Promise<readonly DeadLetter[]> {
    return await this.#threads().reader.call('listRetryRequests', { subscription, limit })
  }
}
