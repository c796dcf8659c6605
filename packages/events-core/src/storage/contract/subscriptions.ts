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

/** What a holder saves when it renews its lease; what is absent stays as it is. */
export interface Progress {
  /** The last position that is handled; a saved one never goes back. */
  readonly position?: number
  /** What retention removed before it was handled. */
  readonly missed?: PositionRange
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

/** The right to run a partition. It is fenced: once another has it, the old token saves nothing. */
export interface Lease {
  readonly token: number
  /** Where to go on from: the last position that is handled. */
  readonly position: number
  readonly paused: boolean
  /** Whether another process asks for it: whoever holds it is to finish what is under way, and release it. */
  readonly claimed: boolean
}

/** What proves to the store that a lease is still held. */
export interface HeldLease extends PartitionKey {
  readonly token: number
}

/** How far a lease is: both numbers stand still when its holder is gone. */
export interface LeaseSign {
  readonly token: number
  readonly beat: number
}

export type LeaseAnswer =
  | { readonly acquired: true; readonly lease: Lease }
  | { readonly acquired: false; readonly sign: LeaseSign }

/**
 * Durable subscriptions: their checkpoints, and who runs them. No clock decides about a lease: a challenger watches
 * its sign for as long as the lease lasts, by its own monotonic clock, and takes over when the sign stood still. So
 * neither a clock that jumps nor two that differ can give a lease to two processes for longer than the fence allows.
 */
export interface SubscriptionStore {
  /** Makes the subscription with all its partitions at `position`; false when there is one of that name. */
  create(name: string, partitions: number, position: number): Promise<boolean>
  /** All partitions, or those of one subscription, by name and number. */
  list(name?: string): Promise<readonly PartitionState[]>
  /**
   * Takes the lease when nobody has it and nobody else claimed it, or when its sign is still `stale`, the one that the
   * caller saw long enough ago.
   * @throws EventsError EVENTS_NOT_FOUND when there is no such partition
   */
  acquire(key: PartitionKey, owner: string, stale?: LeaseSign): Promise<LeaseAnswer>
  /**
   * Shows that the holder is alive, and saves its progress.
   * @returns undefined when the lease is another's by now, or the partition is gone: nothing was saved
   */
  renew(key: PartitionKey, token: number, progress?: Progress): Promise<Lease | undefined>
  /**
   * Asks `owner` to give the partition up to `claimant`, who then is the only one that gets it when it is released, unless
   * it never comes. False when `owner` does not hold it, or somebody else has asked.
   */
  claim(key: PartitionKey, owner: string, claimant: string): Promise<boolean>
  /** Gives the lease back, so that the next one need not wait. No error when it is another's. */
  release(key: PartitionKey, token: number): Promise<void>
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
