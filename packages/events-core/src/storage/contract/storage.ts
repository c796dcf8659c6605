import type { PublishedEvent, StoredEvent } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { Commits } from './commit.ts'
import type { DeadLetterStore } from './dead-letters.ts'
import type { DocumentStore } from './documents.ts'
import type { KeyedStateStore } from './keyed-state.ts'
import type { LeaseStore } from './leases.ts'
import type { CountSeries } from './series.ts'
import type { SubscriptionStore } from './subscriptions.ts'

/** A validated event on its way to the store, with what adapters need and the bus has computed already. */
export interface EventRecord {
  /** Frozen once stored; without `position` and `recorded_at`, which the adapter's answer brings. */
  readonly event: PublishedEvent
  /** `event.data` as JSON text. */
  readonly dataJson: string
  /** `event.timestamp` in milliseconds since 1970. */
  readonly timestampMs: number
  /** When the event stops to be visible, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null
}

/** What became of one record of a batch. A duplicate's position is that of the event which was there first. */
export interface AppendReceipt {
  readonly position: number
  readonly duplicate: boolean
}

export interface AppendResult {
  /**
   * RFC 3339 time at which the batch was stored: the `recorded_at` of all its new events. It never goes back as positions go
   * on: when the store's clock does, it stands still until the clock has caught up.
   */
  readonly recordedAt: string
  /** In the order of the records. */
  readonly receipts: readonly AppendReceipt[]
}

export interface LogHead {
  /** New whenever a store is created or restored: positions of another epoch mean nothing here. */
  readonly epoch: string
  /** The last position given out; 0 in an empty store. */
  readonly position: number
  /**
   * Where what is kept begins: below it, `trim`, `clear` or a full memory store may have removed events; from it on they
   * have not. 1 in a new store; it never goes back, and may lie one beyond `position`. Other removals do not move it. With
   * a filter it is of the types that the filter selects: what was trimmed of other types leaves it where it is.
   */
  readonly keptFrom: number
}

export interface ReadQuery {
  /** The position behind which it begins. */
  readonly after: number
  /** Of events, 1 to 10,000. */
  readonly limit: number
  /** Of their titles, messages, extensions and data as JSON: the event that reaches it is the last one. 8 MiB by default. */
  readonly maxBytes?: number
  readonly filter?: EventFilter
}

export interface ReadResult {
  readonly events: readonly StoredEvent[]
  /** The last position that was examined: where the next read goes on, matches or not. */
  readonly position: number
  /** Whether it ended at one of its limits, and not at the end of the log. */
  readonly more: boolean
}

/** How a call that may take long is ended early. */
export interface CallOptions {
  /** Ends the work when it aborts; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The ordered log. Positions are given in the order of the records and of the `append` calls, without holes, and a
 * reader that sees position n sees every position below n that will ever exist.
 */
export interface EventLog {
  /**
   * Stores all records or none. A record whose id is in the store, or earlier in the batch, is not stored again.
   * @throws EventsError EVENTS_STORAGE_*; nothing was stored unless the code is EVENTS_STORAGE_UNAVAILABLE, whose
   *   outcome is unknown: appending the same records again is safe
   */
  append(records: readonly EventRecord[]): Promise<AppendResult>
  /**
   * Visible events after a position, oldest first. A reader that is ahead of the head stays where it is.
   */
  read(query: ReadQuery, options?: CallOptions): Promise<ReadResult>
  /** @param filter of whose types `keptFrom` is to be; its other conditions do not matter */
  head(filter?: EventFilter): Promise<LogHead>
  /**
   * Has `wake` called soon after another process appended, until the function that it returns is called. It is a hint:
   * it may come without cause, late, or not at all, so whoever must know asks for the head every so often too.
   */
  watch(wake: () => void): () => void
  /**
   * Whether the channel is up that `watch` hears of others over: while it is down their events are seen when somebody asks.
   * Undefined while nobody watches, and where there is no channel that may break.
   */
  isListening?(): boolean | undefined
}

export interface EventQuery {
  readonly filter?: EventFilter
  /** By position: newest first ('desc') by default. */
  readonly order?: 'asc' | 'desc'
  /** 1 to 10,000. */
  readonly limit: number
  /** Of their titles, messages, extensions and data as JSON: the event that reaches it is the last one. 8 MiB by default. */
  readonly maxBytes?: number
  /** Events to skip; repeats and skips while events arrive, so prefer `after`. */
  readonly offset?: number
  /** The position of the last event of the page before, exclusive: below it for 'desc', above it for 'asc'. */
  readonly after?: number
  /** Whether to count all that match the filter, whatever the page; 'exact' by default. */
  readonly count?: 'exact' | 'none'
}

export interface EventPage {
  readonly events: readonly StoredEvent[]
  /** Of all visible events that match the filter; absent with `count: 'none'`. */
  readonly total?: number
  /** `after` of the next page; absent on the last one. */
  readonly next?: number
}

/** How many visible events there are, in total and by field. */
export interface EventTotals {
  readonly total: number
  /** The 1,000 types with most events: publishers may invent types without end. */
  readonly byType: Readonly<Record<string, number>>
  /** The 100 sources with most events. */
  readonly bySource: Readonly<Record<string, number>>
  readonly byPriority: Readonly<Record<number, number>>
}

/**
 * Questions about visible events: those that are stored, while the time is before `timestamp + ttl`. An expired event
 * keeps its id taken until `sweepExpired` removes it.
 */
export interface EventQueries {
  list(query: EventQuery, options?: CallOptions): Promise<EventPage>
  get(id: string): Promise<StoredEvent | undefined>
  count(filter?: EventFilter, options?: CallOptions): Promise<number>
  totals(options?: CallOptions): Promise<EventTotals>
}

/** What retention removes: of the selected types all events that one of the conditions names; none without conditions. */
export interface TrimPolicy {
  /** Events whose `recorded_at` is longer ago, in milliseconds, go. */
  readonly maxAgeMs?: number
  /** The newest so many of the selected types stay. */
  readonly maxEvents?: number
  /** Events up to this position go, itself included. */
  readonly upTo?: number
  /** Types, or patterns as a filter has them; every type by default. */
  readonly types?: readonly string[]
  /** Types, or patterns, whose events stay although `types` selects them. */
  readonly exceptTypes?: readonly string[]
}

/**
 * Removal of what is stored, expired or not; a removed event's id is free again. Each works in slices that never hold
 * the store for long; each answers how many events it removed.
 */
export interface EventMaintenance {
  delete(id: string): Promise<boolean>
  /** When the signal aborts, what was deleted until then stays deleted. */
  deleteMatching(filter: EventFilter, options?: CallOptions): Promise<number>
  /** Removes every event that was stored before the call. Positions go on from where they were. */
  clear(): Promise<number>
  sweepExpired(): Promise<number>
  /** @throws EventsError EVENTS_INVALID for an unknown condition or a wrong value */
  trim(policy: TrimPolicy): Promise<number>
}

/**
 * A store. Adapters behave alike to the letter: the contract suite in `@viewra/events-core/testing` says how.
 * Every method but `open` and `close` fails with EVENTS_NOT_RUNNING while the store is not open.
 */
export interface EventStorage extends EventLog, EventQueries, EventMaintenance, Commits, CountSeries {
  readonly documents: DocumentStore
  readonly leases: LeaseStore
  readonly state: KeyedStateStore
  readonly subscriptions: SubscriptionStore
  readonly deadLetters: DeadLetterStore
  /** The adapter's name, for logs and health. */
  readonly name: string
  /** Whether events are still there after a restart of the process. */
  readonly persistent: boolean
  /** Creates or migrates the store and makes it usable; a store that was closed can be opened again. */
  open(): Promise<void>
  /** Ends what is under way and releases everything. Closing twice is fine. */
  close(): Promise<void>
}
