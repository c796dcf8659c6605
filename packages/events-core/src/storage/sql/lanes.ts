/**
 * Defines how an operation shares the database with others:
 * - `append` stores events, in the order of the calls;
 * - `lookup` finds rows by an index, and waits for no search;
 * - `search` may examine many events, a slice at a time, and ends when its signal aborts;
 * - `write` makes a few changes, in the order of the calls;
 * - `remove` deletes many events, a slice at a time, lets others in between, and ends when its signal aborts.
 */
export type Lane = 'append' | 'lookup' | 'search' | 'write' | 'remove'

/** The lane of each operation in operations.ts. Only data, so that SQLite's main thread need not load the queries. */
export const LANES = {
  events: {
    append: 'append',
    head: 'lookup',
    get: 'lookup',
    read: 'search',
    list: 'search',
    count: 'search',
    totals: 'search',
    series: 'search',
    delete: 'write',
    deleteMatching: 'remove',
    clear: 'remove',
    sweepExpired: 'remove',
    trim: 'remove',
  },
  subscriptions: {
    create: 'write',
    list: 'lookup',
    setPaused: 'write',
    reset: 'write',
    rename: 'write',
    delete: 'write',
  },
  deadLetters: {
    list: 'lookup',
    delete: 'write',
    requestRetry: 'write',
    cancelRetry: 'write',
    retryRequests: 'lookup',
  },
  leases: {
    acquire: 'write',
    renew: 'write',
    claim: 'write',
    release: 'write',
    list: 'lookup',
  },
  documents: {
    get: 'lookup',
    list: 'lookup',
    write: 'write',
  },
  state: {
    read: 'lookup',
    due: 'lookup',
    nextDue: 'lookup',
    oldest: 'lookup',
    size: 'lookup',
  },
  commits: {
    commit: 'write',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Lane>>>>

/** The keys of an operation in the table, and its lane. */
export interface OperationKey {
  readonly section: string
  readonly name: string
  readonly lane: Lane
}
