import type { SqlLog } from '../../sql/sql-log.ts'
import {
  cancelRetry,
  deleteDeadLetters,
  listDeadLetters,
  listRetryRequests,
  parkDeadLetter,
  requestRetry,
} from '../../sql/subscriptions/dead-letters.ts'
import {
  acquireLease,
  claimLease,
  createSubscription,
  deleteSubscription,
  listPartitions,
  releaseLease,
  renameSubscription,
  renewLease,
  resetSubscription,
  setPaused,
} from '../../sql/subscriptions/subscriptions.ts'
import type { LogFile } from '../file/log-file.ts'
import type { Service } from './messages.ts'
import type { SubscriptionReaderCalls, SubscriptionWriterCalls } from './subscription-messages.ts'

/** What changes subscriptions and dead letters, each in its turn; a transaction takes its turn itself. */
export function subscriptionWriterService(file: LogFile): Service<SubscriptionWriterCalls> {
  const { log } = file
  return {
    createSubscription: ({ nowMs, ...subscription }) => createSubscription(log, subscription, nowMs),
    acquireLease: ({ key, owner, stale }) => file.take(() => acquireLease(log, key, owner, stale)),
    renewLease: ({ key, token, progress, nowMs }) =>
      file.take(() => renewLease(log, key, token, progress, nowMs)),
    claimLease: ({ key, owner, claimant }) => file.take(() => claimLease(log, key, owner, claimant)),
    releaseLease: ({ key, token }) => file.take(() => releaseLease(log, key, token)),
    setPaused: ({ name, paused }) => file.take(() => setPaused(log, name, paused)),
    resetSubscription: ({ name, position }) => file.take(() => resetSubscription(log, name, position)),
    renameSubscription: ({ name, to }) => renameSubscription(log, name, to),
    deleteSubscription: ({ name }) => deleteSubscription(log, name),
    parkDeadLetter: ({ failure, lease, nowMs }) => parkDeadLetter(log, failure, lease, nowMs),
    deleteDeadLetters: ({ filter }) => file.take(() => deleteDeadLetters(log, filter)),
    requestRetry: ({ filter, limit }) => file.take(() => requestRetry(log, filter, limit)),
    cancelRetry: ({ filter }) => file.take(() => cancelRetry(log, filter)),
  }
}

export function subscriptionReaderService(log: SqlLog): Service<SubscriptionReaderCalls> {
  return {
    listPartitions: ({ name }) => listPartitions(log, name),
    listDeadLetters: ({ query }) => listDeadLetters(log, query),
    listRetryRequests: ({ subscription, limit }) => listRetryRequests(log, subscription, limit),
  }
}
