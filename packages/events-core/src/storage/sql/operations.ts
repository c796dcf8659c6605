import { commit } from './commit/commit.ts'
import { countSeries } from './counts/series.ts'
import { countTotals } from './counts/totals.ts'
import { getDocument, listDocuments, writeDocument } from './documents/documents.ts'
import { appendRows } from './events/append.ts'
import { clearEvents } from './events/clear.ts'
import { deleteEvent } from './events/delete.ts'
import { deleteMatching } from './events/delete-matching.ts'
import { getEvent } from './events/get.ts'
import { readHead } from './events/head.ts'
import { readEvents } from './events/read.ts'
import { sweepExpired } from './events/sweep.ts'
import { trimEvents } from './events/trim.ts'
import type { LANES, OperationKey } from './lanes.ts'
import { acquireLease, claimLease, listLeases, releaseLease, renewLease } from './leases/leases.ts'
import { countEvents } from './search/count.ts'
import { listEvents } from './search/list.ts'
import type { SqlCall } from './sql-log.ts'
import { dueStates, nextDue, oldestStates, readStates, stateSize } from './state/keyed-state.ts'
import {
  cancelRetry,
  deleteDeadLetters,
  listDeadLetters,
  listRetryRequests,
  requestRetry,
} from './subscriptions/dead-letters.ts'
import {
  createSubscription,
  deleteSubscription,
  listPartitions,
  renameSubscription,
  resetSubscription,
  setPaused,
} from './subscriptions/subscriptions.ts'

/** The operations of a SQL store, by the contract's method that each implements. lanes.ts has their lanes. */
const OPERATIONS = {
  events: {
    append: appendRows,
    head: readHead,
    get: getEvent,
    read: readEvents,
    list: listEvents,
    count: countEvents,
    totals: countTotals,
    series: countSeries,
    delete: deleteEvent,
    deleteMatching,
    clear: clearEvents,
    sweepExpired,
    trim: trimEvents,
  },
  subscriptions: {
    create: createSubscription,
    list: listPartitions,
    setPaused,
    reset: resetSubscription,
    rename: renameSubscription,
    delete: deleteSubscription,
  },
  deadLetters: {
    list: listDeadLetters,
    delete: deleteDeadLetters,
    requestRetry,
    cancelRetry,
    retryRequests: listRetryRequests,
  },
  leases: {
    acquire: acquireLease,
    renew: renewLease,
    claim: claimLease,
    release: releaseLease,
    list: listLeases,
  },
  documents: {
    get: getDocument,
    list: listDocuments,
    write: writeDocument,
  },
  state: {
    read: readStates,
    due: dueStates,
    nextDue,
    oldest: oldestStates,
    size: stateSize,
  },
  commits: {
    commit,
  },
} satisfies Table

export type Operations = typeof OPERATIONS

/** Runs an operation; `Calls` types its arguments. */
export type Operation = (call: SqlCall, ...args: never[]) => Promise<unknown>

/** Requires an operation for each key in `LANES`. */
type Table = {
  readonly [S in keyof typeof LANES]: { readonly [N in keyof (typeof LANES)[S]]: Operation }
}

/** @throws TypeError if there is no such operation */
export function findOperation({ section, name }: OperationKey): Operation {
  const sections: Readonly<Record<string, Readonly<Record<string, Operation>>>> = OPERATIONS
  const operation = sections[section]?.[name]
  if (operation === undefined) throw new TypeError(`there is no operation '${section}.${name}'`)
  return operation
}
