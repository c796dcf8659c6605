import { EventsError } from '../../errors.ts'
import type { StoredEvent } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import { throwIfAborted } from '../abortable-work.ts'
import type { Changes, CommitResult } from '../contract/commit.ts'
import type { HeldLease } from '../contract/leases.ts'
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
import { commit } from './commit.ts'
import { MemoryDeadLetters } from './dead-letters.ts'
import { MemoryDocuments } from './documents.ts'
import { MemoryKeyedState } from './keyed-state.ts'
import { MemoryLeases } from './leases.ts'
import { MemoryLog } from './log.ts'
import { MemorySubscriptions } from './subscriptions.ts'

/** Executes every call synchronously: each call is a transaction, because no other runs meanwhile. */
export class MemoryStorage implements EventStorage {
  readonly name = 'memory'
  readonly persistent = false
  readonly deadLetters: MemoryDeadLetters
  readonly documents: MemoryDocuments
  readonly leases: MemoryLeases
  readonly state: MemoryKeyedState
  readonly subscriptions: MemorySubscriptions
  readonly #log: MemoryLog
  #open = false

  constructor(capacity: number, now: () => number) {
    const mustBeOpen = () => this.#mustBeOpen()
    this.#log = new MemoryLog(capacity, now)
    this.leases = new MemoryLeases(mustBeOpen)
    this.documents = new MemoryDocuments({ now, mustBeOpen })
    this.deadLetters = new MemoryDeadLetters({ now, mustBeOpen })
    const { deadLetters, leases } = this
    this.subscriptions = new MemorySubscriptions({ now, mustBeOpen, deadLetters, leases })
    const { subscriptions } = this
    this.state = new MemoryKeyedState({ mustBeOpen, statesOf: (key) => subscriptions.statesOf(key) })
  }

  async open(): Promise<void> {
    this.#open = true
  }

  async close(): Promise<void> {
    this.#open = false
    this.documents.close()
  }

  async append(records: readonly EventRecord[]): Promise<AppendResult> {
    this.#mustBeOpen()
    const batch = this.#log.prepare(records)
    this.#log.store(batch)
    return batch.result
  }

  async commit(lease: HeldLease, changes: Changes): Promise<CommitResult> {
    this.#mustBeOpen()
    const { deadLetters, documents, leases, subscriptions } = this
    return commit({ deadLetters, documents, leases, log: this.#log, subscriptions }, lease, changes)
  }

  async read(query: ReadQuery, { signal }: CallOptions = {}): Promise<ReadResult> {
    this.#mustBeOpen()
    // The search is synchronous: no abort can arrive during it.
    throwIfAborted(signal)
    return this.#log.read(query)
  }

  async head(filter?: EventFilter): Promise<LogHead> {
    this.#mustBeOpen()
    return this.#log.head(filter)
  }

  /** Does nothing: no other process can append. */
  watch(): () => void {
    return () => undefined
  }

  async list(query: EventQuery, { signal }: CallOptions = {}): Promise<EventPage> {
    this.#mustBeOpen()
    throwIfAborted(signal)
    return this.#log.list(query)
  }

  async get(id: string): Promise<StoredEvent | undefined> {
    this.#mustBeOpen()
    return this.#log.get(id)
  }

  async count(filter?: EventFilter, { signal }: CallOptions = {}): Promise<number> {
    this.#mustBeOpen()
    throwIfAborted(signal)
    return this.#log.count(filter)
  }

  async totals({ signal }: CallOptions = {}): Promise<EventTotals> {
    this.#mustBeOpen()
    throwIfAborted(signal)
    return this.#log.totals()
  }

  async series(query: SeriesQuery): Promise<readonly SeriesPoint[]> {
    this.#mustBeOpen()
    return this.#log.series(query)
  }

  async delete(id: string): Promise<boolean> {
    this.#mustBeOpen()
    return this.#log.delete(id)
  }

  async deleteMatching(filter: EventFilter, { signal }: CallOptions = {}): Promise<number> {
    this.#mustBeOpen()
    throwIfAborted(signal)
    return this.#log.deleteMatching(filter)
  }

  async clear(): Promise<number> {
    this.#mustBeOpen()
    return this.#log.clear()
  }

  async sweepExpired(): Promise<number> {
    this.#mustBeOpen()
    return this.#log.sweepExpired()
  }

  async trim(policy: TrimPolicy): Promise<number> {
    this.#mustBeOpen()
    return this.#log.trim(policy)
  }

  #mustBeOpen(): void {
    if (!this.#open)
      throw new EventsError('EVENTS_NOT_RUNNING', 'the memory store is not open: call open() first')
  }
}
