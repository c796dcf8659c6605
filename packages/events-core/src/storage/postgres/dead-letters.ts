import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterStore,
  Failure,
} from '../contract/dead-letters.ts'
import type { HeldLease } from '../contract/subscriptions.ts'
import {
  cancelRetry,
  type DeadLetterQuery,
  deleteDeadLetters,
  listDeadLetters,
  listRetryRequests,
  parkDeadLetter,
  requestRetry,
} from '../sql/subscriptions/dead-letters.ts'
import type { LogDatabase } from './log-database.ts'

/** Dead letters in the database. */
export class PostgresDeadLetters implements DeadLetterStore {
  readonly #database: () => LogDatabase
  readonly #now: () => number

  /** @param database throws while the store is not open */
  constructor(database: () => LogDatabase, now: () => number) {
    this.#database = database
    this.#now = now
  }

  async park(failure: Failure, lease?: HeldLease): Promise<boolean> {
    const nowMs = this.#now()
    return await this.#database().use((log) => parkDeadLetter(log, failure, lease, nowMs))
  }

  async list(query: DeadLetterQuery): Promise<DeadLetterPage> {
    return await this.#database().use((log) => listDeadLetters(log, query))
  }

  async delete(filter: DeadLetterFilter): Promise<number> {
    return await this.#database().use((log) => deleteDeadLetters(log, filter))
  }

  async requestRetry(filter: DeadLetterFilter, limit: number): Promise<number> {
    return await this.#database().use((log) => requestRetry(log, filter, limit))
  }

  async cancelRetry(filter: DeadLetterFilter): Promise<number> {
    return await this.#database().use((log) => cancelRetry(log, filter))
  }

  async retryRequests(subscription: string, limit: number): Promise<readonly DeadLetter[]> {
    return await this.#database().use((log) => listRetryRequests(log, subscription, limit))
  }
}
