import type { StoredEvent } from '../../event/event.ts'
import { formatTimestamp } from '../../event/timestamp.ts'
import { compileFilter, type EventFilter } from '../../filter/filter.ts'
import type { CommitCondition } from '../contract/commit.ts'
import type { SeriesPoint, SeriesQuery } from '../contract/series.ts'
import type {
  AppendReceipt,
  AppendResult,
  EventPage,
  EventQuery,
  EventRecord,
  EventTotals,
  LogHead,
  ReadQuery,
  ReadResult,
  TrimPolicy,
} from '../contract/storage.ts'
import { type KeptFrom, keptFrom, raise, type TypeSelection } from '../kept-from.ts'
import { PageRoom } from '../page-room.ts'
import { checkSeriesQuery } from '../series-query.ts'
import { checkTrimPolicy, compileTrimmedTypes } from '../trim-policy.ts'
import { EventCounts } from './counts.ts'
import { pageOf } from './page.ts'
import { type MemoryEntry, MemoryRing } from './ring.ts'
import { seriesOf } from './series.ts'

/** A batch that can be stored without failing. */
export interface PreparedBatch {
  readonly entries: readonly MemoryEntry[]
  readonly result: AppendResult
}

/** The events of a memory store. Every method is synchronous, so each call is a transaction. */
export class MemoryLog {
  readonly #capacity: number
  readonly #now: () => number
  readonly #epoch = crypto.randomUUID()
  readonly #ring = new MemoryRing()
  readonly #positions = new Map<string, number>()
  /** Counts of all stored events, expired or not. */
  readonly #counts = new EventCounts()
  /** The earliest time at which a stored event expires: before it, no search for expired events is needed. */
  #nextExpiryMs = Number.POSITIVE_INFINITY
  /**
   * The time of the last recorded event, or a later one that a commit's condition required: no event is recorded before it.
   */
  #reachedMs = Number.NEGATIVE_INFINITY
  #head = 0
  #keptFrom: KeptFrom = new Map()

  constructor(capacity: number, now: () => number) {
    this.#capacity = capacity
    this.#now = now
  }

  /** Creates all entries before the first is stored: a record that cannot be read fails the whole batch, not half of it. */
  prepare(records: readonly EventRecord[]): PreparedBatch {
    const recordedAtMs = this.#timeMs()
    const recordedAt = formatTimestamp(recordedAtMs)
    const entries: MemoryEntry[] = []
    const fresh = new Map<string, number>()
    const receipts = records.map(({ event, dataJson, timestampMs, expiresAtMs }): AppendReceipt => {
      const known = this.#positions.get(event.id) ?? fresh.get(event.id)
      if (known !== undefined) return { position: known, duplicate: true }
      const position = this.#head + entries.length + 1
      const stored = Object.freeze({ ...event, position, recorded_at: recordedAt })
      const text = event.title + event.message + (event.extensions ? JSON.stringify(event.extensions) : '')
      const bytes = Buffer.byteLength(dataJson) + Buffer.byteLength(text)
      entries.push({
        event: stored,
        recordedAtMs,
        timestampMs,
        bytes,
        expiresAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY,
      })
      fresh.set(event.id, position)
      return { position, duplicate: false }
    })
    return { entries, result: { recordedAt, receipts } }
  }

  store({ entries }: PreparedBatch): void {
    let evicted: MemoryEntry | undefined
    for (const entry of entries) {
      if (this.#ring.size === this.#capacity) evicted = this.#evict()
      this.#store(entry)
    }
    if (evicted !== undefined) this.#raiseKeptFrom({}, evicted)
  }

  /** Returns why a commit's condition does not hold; undefined if it holds. */
  refusal({ head, reachedMs }: CommitCondition): 'log_grew' | 'too_early' | undefined {
    if (head !== this.#head) return 'log_grew'
    return this.#timeMs() < reachedMs ? 'too_early' : undefined
  }

  /** Ensures that no later event is recorded before a time. */
  reach(ms: number): void {
    this.#reachedMs = Math.max(this.#reachedMs, ms)
  }

  read({ after, limit, maxBytes, filter }: ReadQuery): ReadResult {
    const matches = this.#matcher(filter)
    const events: StoredEvent[] = []
    const room = new PageRoom(limit, maxBytes)
    for (let index = this.#ring.indexAfter(after); index < this.#ring.size; index++) {
      const entry = this.#ring.at(index)
      if (entry === undefined || !matches(entry)) continue
      events.push(entry.event)
      room.take(entry.bytes)
      if (room.isFull) return { events, position: entry.event.position, more: true }
    }
    return { events, position: Math.max(after, this.#head), more: false }
  }

  head({ types }: EventFilter = {}): LogHead {
    return { epoch: this.#epoch, position: this.#head, keptFrom: keptFrom(this.#keptFrom, types) }
  }

  list(query: EventQuery): EventPage {
    const { events, more } = pageOf(this.#ring, query, this.#matcher(query.filter))
    const last = events.at(-1)
    return {
      events,
      ...(query.count !== 'none' && { total: this.count(query.filter) }),
      ...(more && last && { next: last.position }),
    }
  }

  get(id: string): StoredEvent | undefined {
    const entry = this.#ring.at(this.#indexOf(id))
    return entry !== undefined && entry.expiresAtMs > this.#now() ? entry.event : undefined
  }

  count(filter: EventFilter | undefined): number {
    if (filter === undefined || Object.keys(filter).length === 0) return this.#visibleCounts().total
    const matches = this.#matcher(filter)
    let count = 0
    for (const entry of this.#ring) if (matches(entry)) count++
    return count
  }

  totals(): EventTotals {
    return this.#visibleCounts().totals()
  }

  series(query: SeriesQuery): readonly SeriesPoint[] {
    checkSeriesQuery(query)
    const { types, sources, minPriority } = query
    const filter = {
      ...(types && { types }),
      ...(sources && { sources }),
      ...(minPriority !== undefined && { minPriority }),
    }
    return seriesOf(query, this.#ring, this.#matcher(filter))
  }

  delete(id: string): boolean {
    const index = this.#indexOf(id)
    const entry = this.#ring.at(index)
    if (entry === undefined) return false
    this.#ring.removeAt(index)
    this.#forget(entry)
    return true
  }

  deleteMatching(filter: EventFilter): number {
    const matches = compileFilter(filter)
    return this.#remove((entry) => matches(entry.event)).length
  }

  clear(): number {
    return this.#retire({}, () => true)
  }

  sweepExpired(): number {
    const nowMs = this.#now()
    return nowMs < this.#nextExpiryMs ? 0 : this.#remove((entry) => entry.expiresAtMs <= nowMs).length
  }

  trim(policy: TrimPolicy): number {
    checkTrimPolicy(policy)
    const { maxAgeMs = Number.POSITIVE_INFINITY, maxEvents = Number.POSITIVE_INFINITY, upTo = 0 } = policy
    const isTrimmed = compileTrimmedTypes(policy)
    const oldestMs = this.#now() - maxAgeMs
    let excess = -maxEvents
    for (const { event } of this.#ring) if (isTrimmed(event.type)) excess++
    return this.#retire(policy, ({ event, recordedAtMs }) => {
      if (!isTrimmed(event.type)) return false
      return excess-- > 0 || recordedAtMs < oldestMs || event.position <= upTo
    })
  }

  /** Returns the store's time, at which events are recorded. */
  #timeMs(): number {
    return Math.max(this.#now(), this.#reachedMs)
  }

  #store(entry: MemoryEntry): void {
    this.#head = entry.event.position
    this.#ring.push(entry)
    this.#positions.set(entry.event.id, entry.event.position)
    this.#counts.add(entry.event)
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, entry.expiresAtMs)
    this.reach(entry.recordedAtMs)
  }

  #evict(): MemoryEntry | undefined {
    const oldest = this.#ring.shift()
    if (oldest !== undefined) this.#forget(oldest)
    return oldest
  }

  /** Removes the chosen events, all of the selected types, and moves these types' kept-from beyond the last of them. */
  #retire(selection: TypeSelection, chosen: (entry: MemoryEntry) => boolean): number {
    const retired = this.#remove(chosen)
    const last = retired.at(-1)
    if (last !== undefined) this.#raiseKeptFrom(selection, last)
    return retired.length
  }

  #raiseKeptFrom(selection: TypeSelection, { event }: MemoryEntry): void {
    this.#keptFrom = raise(this.#keptFrom, selection, event.position + 1)
  }

  #remove(chosen: (entry: MemoryEntry) => boolean): readonly MemoryEntry[] {
    let nextExpiryMs = Number.POSITIVE_INFINITY
    const removed = this.#ring.retain((entry) => {
      if (chosen(entry)) return false
      nextExpiryMs = Math.min(nextExpiryMs, entry.expiresAtMs)
      return true
    })
    this.#nextExpiryMs = nextExpiryMs
    for (const entry of removed) this.#forget(entry)
    return removed
  }

  #forget(entry: MemoryEntry): void {
    this.#positions.delete(entry.event.id)
    this.#counts.remove(entry.event)
  }

  /** Returns the index of an event by its id; -1 if there is none. */
  #indexOf(id: string): number {
    const position = this.#positions.get(id)
    return position === undefined ? -1 : this.#ring.indexAfter(position) - 1
  }

  /** Returns a function that tests whether a stored event is visible and matches the filter. */
  #matcher(filter: EventFilter | undefined): (entry: MemoryEntry) => boolean {
    const nowMs = this.#now()
    if (filter === undefined) return (entry) => entry.expiresAtMs > nowMs
    const matches = compileFilter(filter)
    return (entry) => entry.expiresAtMs > nowMs && matches(entry.event)
  }

  #visibleCounts(): EventCounts {
    const expired = this.#expired()
    if (expired.length === 0) return this.#counts
    const counts = this.#counts.copy()
    for (const { event } of expired) counts.remove(event)
    return counts
  }

  /** Returns the stored events that are no longer visible. */
  #expired(): readonly MemoryEntry[] {
    const nowMs = this.#now()
    return nowMs < this.#nextExpiryMs ? [] : [...this.#ring].filter(({ expiresAtMs }) => expiresAtMs <= nowMs)
  }
}
