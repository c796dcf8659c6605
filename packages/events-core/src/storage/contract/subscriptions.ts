/** One partition of a durable subscription; a subscription without partitions is its partition 0. */
export interface PartitionKey {
  readonly name: string
  readonly partition: number
}

/** Positions from the one to the other, both included. */
export interface PositionRange {
  readonly from: number
  readonly to: number
}

/** Where a partition stands. */
export interface PartitionState extends PartitionKey {
  /** Of the whole subscription. */
  readonly partitions: number
  /** The last position that is handled; the next event lies above. */
  readonly position: number
  readonly paused: boolean
  /** What it could not have last, because retention had removed it; null when nothing, or since a reset. */
  readonly missed: PositionRange | null
  /** The process that runs it; null when none does. */
  readonly owner: string | null
  /** The process that `owner` is to give it up to; null when none asked. */
  readonly claim: string | null
  /** RFC 3339 times: when it was made, and when its position was last saved. */
  readonly created: string
  readonly saved: string
}

/**
 * Durable subscriptions and how far they are. A partition is run under the lease `subscription:<name>:<partition>`; its
 * checkpoint is saved by `commit`.
 */
export interface SubscriptionStore {
  /** Makes the subscription with all its partitions at `position`; false when there is one of that name. */
  create(name: string, partitions: number, position: number): Promise<boolean>
  /** All partitions, or those of one subscription, by name and number. */
  list(name?: string): Promise<readonly PartitionState[]>
  /** Answers whether there is such a subscription; so do the following. Holders learn of it when they renew. */
  setPaused(name: string, paused: boolean): Promise<boolean>
  /** Sets all partitions to `position`, back or forth, and takes their leases away. */
  reset(name: string, position: number): Promise<boolean>
  /**
   * Renames it with its dead letters, and takes its leases away.
   * @throws EventsError EVENTS_CONFLICT when `to` exists
   */
  rename(name: string, to: string): Promise<boolean>
  /** Removes it with its checkpoints and its dead letters. */
  delete(name: string): Promise<boolean>
}
