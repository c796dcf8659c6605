import { EventsError } from '../../errors.ts'
import type { StoredEvent } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { Changes, CommitResult } from '../contract/commit.ts'
import type { DeadLetterStore } from '../contract/dead-letters.ts'
import type { DocumentStore } from '../contract/documents.ts'
import type { KeyedState, KeyedStateStore } from '../contract/keyed-state.ts'
import type { HeldLease, LeaseStore } from '../contract/leases.ts'
import type { SeriesPoint, SeriesQuery } from '../contract/series.ts'
import type {
  AppendResult,
  CallOptions,
  EventPage,
  EventQuery,
  EventRecord,
  EventStorage,
  EventTotals,
  LogHead,
  ReadQuery,
  ReadResult,
  TrimPolicy,
} from '../contract/storage.ts'
import type { PartitionKey, SubscriptionStore } from '../contract/subscriptions.ts'
import { checkChanges, checkDocumentValue, checkStateKeys } from '../limits.ts'
import { checkSeriesQuery } from '../series-query.ts'
import { checkTrimPolicy } from '../trim-policy.ts'
import { Turns } from '../turns.ts'
import { type Calls, callsOf } from './calls.ts'
import { SqlDocuments } from './documents/store.ts'
import { rowOf } from './events/append-row.ts'
import type { OperationKey } from './lanes.ts'
import { LOG, type Runner } from './runner.ts'
import { Watchers } from './watchers.ts'

/** The database of a store. */
export interface SqlAdapter {
  readonly name: string
  /** Names the database in messages. */
  readonly place: string
  readonly now: () => number
  /** Connects and creates or migrates the tables. @throws EventsError EVENTS_STORAGE_* */
  start(): Promise<Runner>
}

/** A store in a SQL database. operations.ts implements its methods; the runner decides where and when they run. */
export class SqlStorage implements EventStorage {
  readonly name: string
  readonly persistent = true
  readonly subscriptions: SubscriptionStore
  readonly deadLetters: DeadLetterStore
  readonly leases: LeaseStore
  readonly documents: DocumentStore
  readonly state: KeyedStateStore
  readonly #adapter: SqlAdapter
  readonly #calls: Calls
  readonly #watchers = new Watchers()
  /** Runs `open` and `close` one at a time. */
  readonly #changes = new Turns()
  #runner: Runner | undefined

  constructor(adapter: SqlAdapter) {
    this.name = adapter.name
    this.#adapter = adapter
    this.#calls = callsOf(this.#run.bind(this))
    this.subscriptions = this.#calls.subscriptions
    this.deadLetters = this.#calls.deadLetters
    this.leases = this.#calls.leases
    this.documents = new SqlDocuments(this.#calls.documents, this.#watchers)
    this.state = { ...this.#calls.state, read: this.#readStates.bind(this) }
  }

  open(): Promise<void> {
    return this.#changes.take(async () => {
      if (this.#runner !== undefined) return
      this.#runner = await this.#adapter.start()
      this.#watchers.opened(this.#runner)
    })
  }

  close(): Promise<void> {
    return this.#changes.take(async () => {
      const runner = this.#runner
      this.#runner = undefined
      this.#watchers.closed()
      await runner?.close()
    })
  }

  async append(records: readonly EventRecord[]): Promise<AppendResult> {
    return await this.#calls.events.append(records.map(rowOf))
  }

  async commit(lease: HeldLease, changes: Changes): Promise<CommitResult> {
    checkChanges(changes)
    const documents = (changes.documents ?? []).map(({ collection, key, value, expected }) => {
      const json = value === undefined ? undefined : checkDocumentValue(value).json
      return { collection, key, json, expected }
    })
    const append = (changes.append ?? []).map(rowOf)
    const result = await this.#calls.commits.commit(lease, { ...changes, documents, append })
    if (result.committed) for (const { collection } of documents) this.#watchers.wake(collection)
    return result
  }

  async read(query: ReadQuery, { signal }: CallOptions = {}): Promise<ReadResult> {
    return await this.#calls.events.read(signal, query)
  }

  head(filter?: EventFilter): Promise<LogHead> {
    return this.#calls.events.head(filter)
  }

  watch(wake: () => void): () => void {
    return this.#watchers.add(LOG, wake)
  }

  isListening(): boolean | undefined {
    return this.#watchers.isListening
  }

  async list(query: EventQuery, { signal }: CallOptions = {}): Promise<EventPage> {
    return await this.#calls.events.list(signal, query)
  }

  get(id: string): Promise<StoredEvent | undefined> {
    return this.#calls.events.get(id)
  }

  async count(filter: EventFilter = {}, { signal }: CallOptions = {}): Promise<number> {
    return await this.#calls.events.count(signal, filter)
  }

  async totals({ signal }: CallOptions = {}): Promise<EventTotals> {
    return await this.#calls.events.totals(signal)
  }

  async series(query: SeriesQuery): Promise<readonly SeriesPoint[]> {
    checkSeriesQuery(query)
    return await this.#calls.events.series(undefined, query)
  }

  delete(id: string): Promise<boolean> {
    return this.#calls.events.delete(id)
  }

  async deleteMatching(filter: EventFilter, { signal }: CallOptions = {}): Promise<number> {
    return await this.#calls.events.deleteMatching(signal, filter)
  }

  clear(): Promise<number> {
    return this.#calls.events.clear(undefined)
  }

  sweepExpired(): Promise<number> {
    return this.#calls.events.sweepExpired(undefined)
  }

  async trim(policy: TrimPolicy): Promise<number> {
    checkTrimPolicy(policy)
    return await this.#calls.events.trim(undefined, policy)
  }

  async #readStates(partition: PartitionKey, keys: readonly string[]): Promise<readonly KeyedState[]> {
    checkStateKeys(keys)
    return await this.#calls.state.read(partition, keys)
  }

  async #run(operation: OperationKey, args: readonly never[], signal: AbortSignal | undefined) {
    if (this.#runner === undefined)
      throw new EventsError(
        'EVENTS_NOT_RUNNING',
        `the event store ${this.#adapter.place} is not open: open it first`,
      )
    return await this.#runner.run({ ...operation, args, nowMs: this.#adapter.now() }, signal)
  }
}
