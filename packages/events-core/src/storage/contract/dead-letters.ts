import type { StoredEvent } from '../../event/event.ts'

/** An event that a durable subscription's handler failed to handle, with the details of the failure. */
export interface DeadLetter {
  readonly id: string
  readonly subscription: string
  /** A copy of the event, since retention may remove the original. */
  readonly event: StoredEvent
  readonly error: string
  readonly stack: string | null
  /** The number of handler calls so far. */
  readonly attempts: number
  readonly first_failed_at: string
  readonly last_failed_at: string
  /** True while a requested retry is pending. */
  readonly retrying: boolean
}

/** The details that a consumer stores about an event that failed on every attempt. */
export interface Failure {
  readonly subscription: string
  readonly event: StoredEvent
  readonly error: string
  readonly stack: string | null
  readonly attempts: number
}

/** Selects dead letters; all given conditions must hold. */
export interface DeadLetterFilter {
  readonly id?: string
  readonly subscription?: string
  /** The event's exact type. */
  readonly type?: string
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly deadLetters: readonly DeadLetter[]
  readonly total: number
  /** `after` of the next page; absent on the last one. */
  readonly next?: string
}

/** The dead letters of durable subscriptions. A subscription has at most one dead letter for each event. */
export interface DeadLetterStore {
  /**
   * Returns a page of dead letters. A page ends early with the dead letter that brings it to 8 MiB.
   * @param query.after the id of the previous page's last dead letter
   */
  list(query: { filter?: DeadLetterFilter; limit: number; after?: string }): Promise<DeadLetterPage>
  /** Deletes the matching dead letters and returns their number. */
  delete(filter: DeadLetterFilter): Promise<number>
  /** Requests a retry of at most `limit` matching dead letters, oldest first, and returns the number of new requests. */
  requestRetry(filter: DeadLetterFilter, limit: number): Promise<number>
  /** Cancels the pending retries of matching dead letters and returns their number. */
  cancelRetry(filter: DeadLetterFilter): Promise<number>
  /** Returns a subscription's dead letters with a pending retry, oldest first. */
  retryRequests(subscription: string, limit: number): Promise<readonly DeadLetter[]>
}
