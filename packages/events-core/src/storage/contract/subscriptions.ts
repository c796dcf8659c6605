/** One partition of a durable subscription; a subscription without partitions is its partition 0. */
export interface PartitionKey {
  readonly name: string
  readonly partition: number
}

/** A range of positions, both ends inclusive. */
export interface PositionRange {
  readonly from: number
  readonly to: number
}

/** The state of a partition. */
export interface PartitionState extends PartitionKey {
  /** The number of partitions of the subscription. */
  readonly partitions: number
  /** The last position that is handled; the next event is above it. */
  readonly position: number
  readonly paused: boolean
  /** The last range lost to retention before it was handled; null if none since the last reset. */
  readonly missed: PositionRange | null
  /** The process that runs it; null if none does. */
  readonly owner: string | null
  /** The process that claimed it from `owner`; null if none did. */
  readonly claim: string | null
  /** The RFC 3339 times at which it was created and at which its position was last saved. */
  readonly created: string
  readonly saved: string
}

/**
 * Durable subscriptions and their checkpoints. A partition runs under the lease `subscription:<name>:<partition>`; `commit`
 * saves its checkpoint.
 */
export interface SubscriptionStore {
  /** Creates the subscription with all its partitions at `position`. Returns false if one of that name exists. */
  create(name: string, partitions: number, position: number): Promise<boolean>
  /** Returns all partitions, or those of one subscription, ordered by name and number. */
  list(name?: string): Promise<readonly PartitionState[]>
  /**
   * Pauses or resumes it; holders notice when they renew their leases. Like the following methods, returns false if there
   * is no such subscription.
   */
  setPaused(name: string, paused: boolean): Promise<boolean>
  /** Sets all partitions to `position`, backwards or forwards, and revokes their leases. */
  reset(name: string, position: number): Promise<boolean>
  /**
   * Renames it together with its dead letters, and revokes its leases.
   * @throws EventsError EVENTS_CONFLICT if `to` exists
   */
  rename(name: string, to: string): Promise<boolean>
  /** Deletes it with its checkpoints and its dead letters. */
  delete(name: string): Promise<boolean>
}
