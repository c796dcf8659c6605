import type { StoredEvent } from '../../event/event.ts'

/** An event that a durable subscription's handler could not take, with all that is known of the failure. */
export interface DeadLetter {
  readonly id: string
  readonly subscription: string
  /** A copy: retention may remove the event itself. */
  readonly event: StoredEvent
  readonly error: string
  readonly stack: string | null
  /** Calls of the handler so far. */
  readonly attempts: number
  readonly first_failed_at: string
  readonly last_failed_at: string
  /** Whether a retry was asked for and is still to come. */
  readonly retrying: boolean
}

/** What a consumer knows when it gives an event up. */
export interface Failure {
  readonly subscription: string
  readonly event: StoredEvent
  readonly error: string
  readonly stack: string | null
  readonly attempts: number
}

/** Which dead letters: all given conditions must hold. */
export interface DeadLetterFilter {
  readonly id?: string
  readonly subscription?: string
  /** The event's type, exactly. */
  readonly type?: string
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly deadLetters: readonly DeadLetter[]
  readonly total: number
  /** `after` of the next page; absent on the last one. */
  readonly next?: string
}

/** What durable subscriptions could not handle. A subscription has at most one dead letter for an event. */
export interface DeadLetterStore {
  /**
   * A page also ends with the one that brings it to 8 MiB.
   * @param query.after the id of the last one of the page before
   */
  list(query: { filter?: DeadLetterFilter; limit: number; after?: string }): Promise<DeadLetterPage>
  /** Removes those that match; answers how many. */
  delete(filter: DeadLetterFilter): Promise<number>
  /** Asks for a retry of at most `limit` of those that match, oldest first; answers how many were asked for now. */
  requestRetry(filter: DeadLetterFilter, limit: number): Promise<number>
  /** Takes back what was asked for and is still to come; answers how many. */
  cancelRetry(filter: DeadLetterFilter): Promise<number>
  /** Those of a subscription whose retry is still to come, oldest first. */
  retryRequests(subscription: string, limit: number): Promise<readonly DeadLetter[]>
}
