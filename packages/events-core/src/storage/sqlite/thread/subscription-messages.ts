import type { DeadLetter, DeadLetterFilter, DeadLetterPage, Failure } from '../../contract/dead-letters.ts'
import type {
  HeldLease,
  Lease,
  LeaseAnswer,
  LeaseSign,
  PartitionKey,
  PartitionState,
  Progress,
} from '../../contract/subscriptions.ts'
import type { DeadLetterQuery } from '../../sql/subscriptions/dead-letters.ts'

/** What the writer answers about subscriptions and dead letters, beside the log; `unknown` where nothing is to be known. */
export type SubscriptionWriterCalls = {
  createSubscription: {
    in: { name: string; partitions: number; position: number; nowMs: number }
    out: boolean
  }
  acquireLease: { in: { key: PartitionKey; owner: string; stale?: LeaseSign }; out: LeaseAnswer }
  renewLease: {
    in: { key: PartitionKey; token: number; progress: Progress; nowMs: number }
    out: Lease | undefined
  }
  claimLease: { in: { key: PartitionKey; owner: string; claimant: string }; out: boolean }
  releaseLease: { in: { key: PartitionKey; token: number }; out: unknown }
  setPaused: { in: { name: string; paused: boolean }; out: boolean }
  resetSubscription: { in: { name: string; position: number }; out: boolean }
  renameSubscription: { in: { name: string; to: string }; out: boolean }
  deleteSubscription: { in: { name: string }; out: boolean }
  parkDeadLetter: { in: { failure: Failure; lease: HeldLease | undefined; nowMs: number }; out: boolean }
  deleteDeadLetters: { in: { filter: DeadLetterFilter }; out: number }
  requestRetry: { in: { filter: DeadLetterFilter; limit: number }; out: number }
  cancelRetry: { in: { filter: DeadLetterFilter }; out: number }
}

/** What the reader answers about them. */
export type SubscriptionReaderCalls = {
  listPartitions: { in: { name: string | undefined }; out: readonly PartitionState[] }
  listDeadLetters: { in: { query: DeadLetterQuery }; out: DeadLetterPage }
  listRetryRequests: { in: { subscription: string; limit: number }; out: readonly DeadLetter[] }
}
