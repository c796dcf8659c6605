import type { PublishedEvent, StoredEvent } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { Commits } from './commit.ts'
import type { DeadLetterStore } from './dead-letters.ts'
import type { DocumentStore } from './documents.ts'
import type { KeyedStateStore } from './keyed-state.ts'
import type { LeaseStore } from './leases.ts'
import type { CountSeries } from './series.ts'
import type { SubscriptionStore } from './subscriptions.ts'

/** A validated event on its way to the store, with values that adapters need and the bus has already computed. */
export interface EventRecord {
  /** The event, frozen once it is stored; without `position` and `recorded_at`, which the adapter returns. */
  readonly event: PublishedEvent
  /** `event.data` as JSON text. */
  readonly dataJson: string
  /** `event.timestamp` in milliseconds since 1970. */
  readonly timestampMs: number
  /** When the event stops being visible, in milliseconds since 1970; null for never. */
  readonly expiresAtMs: number | null
}

/** The outcome for one record of a batch. A duplicate's position is that of the stored event with the same id. */
export interface AppendReceipt {
  readonly position: number
  readonly duplicate: boolean
}

export interface AppendResult {
  /**
   * The RFC 3339 time at which the batch was stored: the `recorded_at` of all its new events. It never decreases as
   * positions increase: if the store's clock is set back, it stands still until the clock has caught up.
   */
  readonly recordedAt: string
  /** The receipts, in the order of the records. */
  readonly receipts: readonly AppendReceipt[]
}

export interface LogHead {
  /**
   * The store's epoch: it changes whenever a store is created or restored; positions of different epochs are not
   * comparable.
   */
  readonly epoch: string
  /** The last position assigned; 0 in an empty store. */
  readonly position: number
  /**
   * The position from which on `trim`, `clear` or a full memory store have removed nothing; below it they may have. It is 1
   * in a new store, never decreases, and may lie one beyond `position`. Other removals do not move it. With a filter, it
   * counts only trimming of the types that the filter selects.
   */
  readonly keptFrom: number
}

export interface ReadQuery {
  /** The position after which the read begins. */
  readonly after: number
  /** The maximum number of events, 1 to 10,000. */
  readonly limit: number
  /**
   * The size of titles, messages, extensions and data as JSON at which a page ends; it includes the event that reaches it.
   * 8 MiB by default.
   */
  readonly maxBytes?: number
  readonly filter?: EventFilter
}

export interface ReadResult {
  readonly events: readonly StoredEvent[]
  /** The last position that was examined, matching or not: the `after` of the next read. */
  readonly position: number
  /** True if the read ended at one of its limits instead of the end of the log. */
  readonly more: boolean
}

/** Options of calls that may take long. */
export interface CallOptions {
  /** Ends the call when it aborts; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The ordered log. Positions are assigned in the order of the records and of the `append` calls, without holes. A reader
 * that sees position n sees every position below n that will ever exist.
 */
export interface EventLog {
  /**
   * Stores all records or none. A record whose id is already in the store, or earlier in the batch, is not stored again.
   * @throws EventsError EVENTS_STORAGE_*. Nothing was stored, except that the outcome of EVENTS_STORAGE_UNAVAILABLE is
   *   unknown: appending the same records again is safe
   */
  append(records: readonly EventRecord[]): Promise<AppendResult>
  /**
   * Returns visible events after a position, oldest first. If `after` is beyond the head, the result's `position` is
   * `after`.
   */
  read(query: ReadQuery, options?: CallOptions): Promise<ReadResult>
  /** @param filter selects the types to which `keptFrom` applies; its other conditions are ignored */
  head(filter?: EventFilter): Promise<LogHead>
  /**
   * Calls `wake` shortly after another process appends. Returns a function that stops watching. Only a hint: it may come
   * late, without cause, or not at all, so callers that need certainty must also poll `head()`.
   */
  watch(wake: () => void): () => void
  /**
   * Returns whether the notification channel of `watch` is up: while it is down, other processes' events are seen only by
   * polling. Undefined while nothing watches, and for stores without a channel that can break.
   */
  isListening?(): boolean | undefined
}

export interface EventQuery {
  readonly filter?: EventFilter
  /** The order of positions; newest first ('desc') by default. */
  readonly order?: 'asc' | 'desc'
  /** 1 to 10,000. */
  readonly limit: number
  /**
   * The size of titles, messages, extensions and data as JSON at which a page ends; it includes the event that reaches it.
   * 8 MiB by default.
   */
  readonly maxBytes?: number
  /** The number of events to skip. While events arrive, pages repeat or miss some, so prefer `after`. */
  readonly offset?: number
  /**
   * The position of the previous page's last event, exclusive: the page continues below it for 'desc', above it for 'asc'.
   */
  readonly after?: number
  /** Whether to count all events that match the filter, beyond the page; 'exact' by default. */
  readonly count?: 'exact' | 'none'
}

export interface EventPage {
  readonly events: readonly StoredEvent[]
  /** The number of all visible events that match the filter; absent with `count: 'none'`. */
  readonly total?: number
  /** `after` of the next page; absent on the last one. */
  readonly next?: number
}

/** The number of visible events, in total and by field. */
export interface EventTotals {
  readonly total: number
  /** The 1,000 types with the most events, bounded because publishers may invent any number of types. */
  readonly byType: Readonly<Record<string, number>>
  /** The 100 sources with the most events. */
  readonly bySource: Readonly<Record<string, number>>
  readonly byPriority: Readonly<Record<number, number>>
}

/**
 * Queries about visible events: a stored event is visible until `timestamp + ttl`. The id of an expired event stays taken
 * until `sweepExpired` removes the event.
 */
export interface EventQueries {
  list(query: EventQuery, options?: CallOptions): Promise<EventPage>
  get(id: string): Promise<StoredEvent | undefined>
  count(filter?: EventFilter, options?: CallOptions): Promise<number>
  totals(options?: CallOptions): Promise<EventTotals>
}

/**
 * Selects the events that retention removes: those of the selected types that meet any of the conditions; none without
 * conditions.
 */
export interface TrimPolicy {
  /** Removes events whose `recorded_at` is older, in milliseconds. */
  readonly maxAgeMs?: number
  /** Removes all but this number of the newest events of the selected types. */
  readonly maxEvents?: number
  /** Removes events up to and including this position. */
  readonly upTo?: number
  /** Types or patterns, as in a filter; every type by default. */
  readonly types?: readonly string[]
  /** Types or patterns whose events are kept although `types` selects them. */
  readonly exceptTypes?: readonly string[]
}

/**
 * Removes stored events, expired or not; a removed event's id is free again. Each method works in slices that never hold up
 * the store for long, and returns the number of removed events.
 */
export interface EventMaintenance {
  delete(id: string): Promise<boolean>
  /** Deletes the matching events. If the signal aborts, the events deleted until then stay deleted. */
  deleteMatching(filter: EventFilter, options?: CallOptions): Promise<number>
  /** Removes every event that was stored before the call. Positions continue from where they were. */
  clear(): Promise<number>
  sweepExpired(): Promise<number>
  /** @throws EventsError EVENTS_INVALID for an unknown condition or an invalid value */
  trim(policy: TrimPolicy): Promise<number>
}

/**
 * A store. All adapters behave alike, as the contract suite in `@viewra/events-core/testing` defines. Every method except
 * `open` and `close` fails with EVENTS_NOT_RUNNING while the store is not open.
 */
export interface EventStorage extends EventLog, EventQueries, EventMaintenance, Commits, CountSeries {
  readonly documents: DocumentStore
  readonly leases: LeaseStore
  readonly state: KeyedStateStore
  readonly subscriptions: SubscriptionStore
  readonly deadLetters: DeadLetterStore
  /** The adapter's name, for logs and health. */
  readonly name: string
  /** True if events survive a restart of the process. */
  readonly persistent: boolean
  /** Creates or migrates the store and opens it; a closed store can be opened again. */
  open(): Promise<void>
  /** Ends the calls under way and releases all resources. Closing twice has no effect. */
  close(): Promise<void>
}
