/** A partition of a durable subscription; what is said of the whole subscription stands in each of its rows. */
interface SubscriptionPartitionsTable {
  readonly name: string
  readonly partition: number
  readonly partitions: number
  readonly position: number
  /** 1 or 0: SQLite has no booleans. */
  readonly paused: number
  /** The first and the last position that retention removed before it was handled; both or none. */
  readonly missed_from: number | null
  readonly missed_to: number | null
  /** Milliseconds since 1970. */
  readonly created: number
  readonly saved: number
  /** Where its keyed states are, and how many and how large they are. */
  readonly state_id: number
  readonly state_keys: number
  readonly state_bytes: number
}

interface LeasesTable {
  readonly name: string
  /** New with each holder. */
  readonly token: number
  /** Counts renewals, so that others see that the holder is alive. */
  readonly beat: number
  readonly owner: string | null
  /** The process that asks for the lease. */
  readonly claim: string | null
}

export interface DeadLettersTable {
  /** A UUIDv7: in the order of ids is in the order in which they first failed. */
  readonly id: string
  readonly subscription: string
  readonly event_id: string
  readonly type: string
  /** The event as JSON text. */
  readonly event: string
  /** `{ error, stack }` as JSON text, which can hold NUL and halves of characters where a text column cannot. */
  readonly failure: string
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly first_failed_at: number
  readonly last_failed_at: number
  /** 1 while a retry is still to come, else 0. */
  readonly retrying: number
}

export interface SubscriptionTables {
  readonly subscription_partitions: SubscriptionPartitionsTable
  readonly dead_letters: DeadLettersTable
  readonly leases: LeasesTable
}
