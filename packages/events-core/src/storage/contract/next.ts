import type { Commits } from './commit.ts'
import type { DocumentStore } from './documents.ts'
import type { KeyedStateStore } from './keyed-state.ts'
import type { LeaseStore } from './leases.ts'
import type { CountSeries } from './series.ts'
import type { EventStorage } from './storage.ts'

/** What `EventStorage` becomes as soon as every adapter has all of it. */
export interface EventStorageNext extends EventStorage, Commits, CountSeries {
  readonly documents: DocumentStore
  readonly leases: LeaseStore
  readonly state: KeyedStateStore
}
