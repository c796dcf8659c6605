import type { JsonValue } from '../../event/json.ts'
import type { Failure } from './dead-letters.ts'
import type { ExpectedVersion } from './documents.ts'
import type { KeyedState } from './keyed-state.ts'
import type { HeldLease, Lease } from './leases.ts'
import type { AppendResult, EventRecord } from './storage.ts'
import type { PartitionKey, PositionRange } from './subscriptions.ts'

/** How far a partition of a durable subscription is. */
export interface Checkpoint extends PartitionKey {
  /** The last position that is handled; a saved one never goes back. */
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
  /** What there is of these keys is replaced. Each key comes once, and not in `delete` too. */
  readonly put: readonly KeyedState[]
  /** Keys; those without state are passed over. */
  readonly delete: readonly string[]
}

/** What must hold at the moment of the commit; checked while nobody else can append. */
export interface CommitCondition {
  /** The log's last position: nothing was appended behind what the holder has examined. */
  readonly head: number
  /** A time that the store's clock must have reached, in milliseconds since 1970. No later event is recorded before it. */
  readonly reachedMs: number
}

/** What the holder of a lease stores in one transaction: all of it, or nothing. */
export interface Changes {
  readonly checkpoint?: Checkpoint
  /** Become dead letters, or add their attempts to those that are there for the same events. */
  readonly failures?: readonly Failure[]
  /** Written one after the other: the second change of a document finds what the first one left. */
  readonly documents?: readonly DocumentChange[]
  readonly state?: StateChanges
  /** Outputs. Those whose id is in the store are not stored again. */
  readonly append?: readonly EventRecord[]
  readonly onlyIf?: CommitCondition
}

/**
 * What became of a commit. 'lease_lost': the lease is not held, or the partition of the checkpoint or of the state is
 * gone; 'log_grew' and 'too_early': `onlyIf` does not hold; 'conflict': a document has another version than expected. Of
 * several reasons the first in this order is returned.
 */
export type CommitResult =
  | {
      readonly committed: true
      readonly lease: Lease
      /** Of the checkpoint's subscription; false without a checkpoint. */
      readonly paused: boolean
      /** Absent when nothing was to be appended. */
      readonly append?: AppendResult
    }
  | {
      readonly committed: false
      readonly reason: 'lease_lost' | 'log_grew' | 'too_early' | 'conflict'
    }

export interface Commits {
  /**
   * Stores changes while the lease is held, and renews it. Nothing of a commit that was refused or failed is visible.
   * @throws EventsError EVENTS_INVALID for documents and state beyond their limits; EVENTS_STORAGE_*; nothing was stored
   *   unless the code is EVENTS_STORAGE_UNAVAILABLE, whose outcome is unknown: the same changes may be committed again
   */
  commit(lease: HeldLease, changes: Changes): Promise<CommitResult>
}
