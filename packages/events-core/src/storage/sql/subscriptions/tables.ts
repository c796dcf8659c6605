/** A partition of a durable subscription; the values of the whole subscription are repeated in each of its rows. */
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
  /** The id of its keyed states, their number and their size. */
  readonly state_id: number
  readonly state_keys: number
  readonly state_bytes: number
}

interface LeasesTable {
  readonly name: string
  /** Changes with each holder. */
  readonly token: number
  /** Counts renewals, which shows other processes that the holder is alive. */
  readonly beat: number
  readonly owner: string | null
  /** The process that claims the lease. */
  readonly claim: string | null
}

export interface DeadLettersTable {
  /** A UUIDv7: the order of ids is the order of the first failures. */
  readonly id: string
  readonly subscription: string
  readonly event_id: string
  readonly type: string
  /** The event as JSON text. */
  readonly event: string
  /** `{ error, stack }` as JSON text, which unlike a text column can contain NUL and halves of surrogate pairs. */
  readonly failure: string
  readonly attempts: number
  /** Milliseconds since 1970. */
  readonly first_failed_at: number
  readonly last_failed_at: number
  /** 1 while a retry is pending, otherwise 0. */
  readonly retrying: number
}

export interface SubscriptionTables {
  readonly subscription_partitions: SubscriptionPartitionsTable
  readonly dead_letters: DeadLettersTable
  readonly leases: LeasesTable
}
