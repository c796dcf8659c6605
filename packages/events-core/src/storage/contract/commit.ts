import type { JsonValue } from '../../event/json.ts'
import type { Failure } from './dead-letters.ts'
import type { ExpectedVersion } from './documents.ts'
import type { KeyedState } from './keyed-state.ts'
import type { HeldLease, Lease } from './leases.ts'
import type { AppendResult, EventRecord } from './storage.ts'
import type { PartitionKey, PositionRange } from './subscriptions.ts'

/** The progress of one partition of a durable subscription. */
export interface Checkpoint extends PartitionKey {
  /** The last position that is handled; a lower one than the saved position is ignored. */
  readonly position?: number
  /** The range that retention removed before it was handled. */
  readonly missed?: PositionRange
}

export interface DocumentChange {
  readonly collection: string
  readonly key: string
  /** Undefined deletes the document. */
  readonly value: JsonValue | undefined
  readonly expected?: ExpectedVersion
}

export interface StateChanges extends PartitionKey {
  /** New states; each replaces the key's current one. A key occurs once, and not also in `delete`. */
  readonly put: readonly KeyedState[]
  /** Keys whose state is deleted; keys without state are ignored. */
  readonly delete: readonly string[]
}

/** The conditions that must hold at the moment of the commit; checked while no other process can append. */
export interface CommitCondition {
  /** The expected last position of the log: nothing was appended after the events that the holder has examined. */
  readonly head: number
  /** The time that the store's clock must have reached, in milliseconds since 1970. No later event is recorded before it. */
  readonly reachedMs: number
}

/** The changes that the holder of a lease stores in one transaction: all of them, or none. */
export interface Changes {
  readonly checkpoint?: Checkpoint
  /** Failures that become dead letters, or add their attempts to the dead letters of the same events. */
  readonly failures?: readonly Failure[]
  /** Changes applied one after the other: the second change of a document sees the result of the first. */
  readonly documents?: readonly DocumentChange[]
  readonly state?: StateChanges
  /** Events to append. An event whose id is already in the store is not stored again. */
  readonly append?: readonly EventRecord[]
  readonly onlyIf?: CommitCondition
}

/**
 * The outcome of a commit. 'lease_lost': the lease is not held, or the partition of the checkpoint or of the state no
 * longer exists; 'log_grew' and 'too_early': `onlyIf` does not hold; 'conflict': a document does not have the expected
 * version. Of several reasons, the first in this order is returned.
 */
export type CommitResult =
  | {
      readonly committed: true
      readonly lease: Lease
      /** True if the checkpoint's subscription is paused; false without a checkpoint. */
      readonly paused: boolean
      /** Absent if `append` was absent or empty. */
      readonly append?: AppendResult
    }
  | {
      readonly committed: false
      readonly reason: 'lease_lost' | 'log_grew' | 'too_early' | 'conflict'
    }

export interface Commits {
  /**
   * Stores changes if the lease is held, and renews it. A refused or failed commit leaves nothing visible.
   * @throws EventsError EVENTS_INVALID for documents and state beyond their limits; EVENTS_STORAGE_*. Nothing was stored,
   *   except that the outcome of EVENTS_STORAGE_UNAVAILABLE is unknown: the same changes may be committed again
   */
  commit(lease: HeldLease, changes: Changes): Promise<CommitResult>
}
