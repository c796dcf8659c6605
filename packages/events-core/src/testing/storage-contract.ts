import { afterAll, describe, test } from 'vitest'
import type { EventStorage } from '../storage/contract/storage.ts'
import { abortTests } from './abort.ts'
import { agreementTests } from './agreement.ts'
import { appendTests } from './append.ts'
import { commitTests } from './commit.ts'
import { commitLifeCycleTests } from './commit-life-cycle.ts'
import { commitPersistenceTests } from './commit-persistence.ts'
import { ContractContext, type ContractTests } from './contract-context.ts'
import { deadLetterTests } from './dead-letters.ts'
import { documentPageTests } from './document-pages.ts'
import { documentTests } from './documents.ts'
import { expiryTests } from './expiry.ts'
import { extensionTests } from './extensions.ts'
import { filterTests } from './filters.ts'
import { keptFromTests } from './kept-from.ts'
import { keyedStateTests } from './keyed-state.ts'
import { leaseStoreTests } from './lease-store.ts'
import { lifeCycleTests } from './life-cycle.ts'
import { listTests } from './list.ts'
import { pageBytesTests } from './page-bytes.ts'
import { pagingTests } from './paging.ts'
import { persistenceTests } from './persistence.ts'
import { readTests } from './read.ts'
import { recordedAtTests } from './recorded-at.ts'
import { refusedCommitTests } from './refused-commits.ts'
import { removalTests } from './removal.ts'
import { roundTripTests } from './round-trip.ts'
import { seriesTests } from './series.ts'
import { type StorageFactory, StorePool } from './store-pool.ts'
import { subscriptionTests } from './subscriptions.ts'
import { totalsTests } from './totals.ts'
import { trimTests } from './trim.ts'
import { trimByTypeTests } from './trim-by-type.ts'

const CONTRACT: Readonly<Record<string, ContractTests>> = {
  'life cycle': lifeCycleTests,
  append: appendTests,
  read: readTests,
  list: listTests,
  paging: pagingTests,
  'pages of large events': pageBytesTests,
  filters: filterTests,
  'filters in the store and in memory': agreementTests,
  totals: totalsTests,
  abort: abortTests,
  expiry: expiryTests,
  removal: removalTests,
  trim: trimTests,
  'kept-from': keptFromTests,
  'round trip': roundTripTests,
  subscriptions: subscriptionTests,
  'dead letters': deadLetterTests,
  'life cycle of documents, leases, state and commits': commitLifeCycleTests,
  documents: documentTests,
  'pages and limits of documents': documentPageTests,
  leases: leaseStoreTests,
  'keyed state': keyedStateTests,
  commits: commitTests,
  'refused commits': refusedCommitTests,
  recorded_at: recordedAtTests,
  'trim by position and type': trimByTypeTests,
  'series of counts': seriesTests,
  extensions: extensionTests,
}

/**
 * Defines the tests that every adapter must pass, each named by a guarantee of `EventStorage`. Call it in a Vitest test
 * file; `vitest` and `fast-check` must be installed. Beyond the docblocks of `EventStorage`, it defines:
 *
 * - An event is visible while the time is before `timestamp + ttl`, and invisible from that millisecond on. Its id stays
 *   taken until `sweepExpired` removes the event; then, as after any removal, the id is free again.
 * - Removals apply to stored events, so an expired event that is not swept yet counts for them.
 * - A read whose `after` is beyond the head returns that position.
 * - Texts are returned unchanged, including NUL; in `data` also lone surrogates and keys such as `__proto__`.
 *
 * @example
 * storageContract('memory', { create: ({ now }) => memoryStorage({ now }) })
 */
export function storageContract(name: string, factory: StorageFactory): void {
  const persistence = { ...persistenceTests, ...commitPersistenceTests }
  const contract = factory.reopen === undefined ? CONTRACT : { ...CONTRACT, persistence }
  describe(`${name} keeps the storage contract`, () => {
    describeThemes(contract, factory)
  })
}

function describeThemes<S extends EventStorage>(
  contract: Readonly<Record<string, ContractTests<S>>>,
  factory: StorageFactory<S>,
): void {
  const pool = new StorePool(factory)
  afterAll(() => pool.end())
  for (const [theme, tests] of Object.entries(contract)) {
    describe(theme, () => {
      for (const [guarantee, contractTest] of Object.entries(tests)) {
        test(guarantee, () => ContractContext.run(pool, contractTest))
      }
    })
  }
}
