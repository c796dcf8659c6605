import { checkOptions, func, integer } from '../../check-options.ts'
import { EventsError } from '../../errors.ts'
import type { StoredEvent } from '../../event/event.ts'
import { formatTimestamp } from '../../event/timestamp.ts'
import { compileFilter, type EventFilter } from '../../filter/filter.ts'
import { throwIfAborted } from '../abortable-work.ts'
import type {
  AppendReceipt,
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
import { PageRoom } from '../page-room.ts'
import { EventCounts } from './counts.ts'
import { MemoryDeadLetters } from './dead-letters.ts'
import { pageOf } from './page.ts'
import { type MemoryEntry, MemoryRing } from './ring.ts'
import { MemorySubscriptions } from './subscriptions.ts'

export interface MemoryStorageOptions {
  /** Events that are kept: when one more comes, the oldest goes. 10,000 by default. */
  readonly capacity?: number
  /** The time, in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
}

/**
 * A store in the memory of the process, bounded: for tests, and for services that need no history. It forgets its
 * events with the process; a store that is closed and opened again still has them.
 * @throws EventsError EVENTS_INVALID for an unknown option or a wrong value
 * @example
 * const bus = createEventBus({ storage: memoryStorage({ capacity: 1_000 }) })
 */
export function memoryStorage(options: MemoryStorageOptions = {}): EventStorage {
  checkOptions('memoryStorage options', options, { capacity: integer(1), now: func })
  return new MemoryStorage(options.capacity ?? 10_000, options.now ?? Date.now)
}

class MemoryStorage implements EventStorage {
  readonly name = 'memory'
  readonly persistent = false
  readonly deadLetters: MemoryDeadLetters
  readonly subscriptions: MemorySubscriptions
  readonly #capacity: number
  readonly #now: () => number
  readonly #epoch = crypto.randomUUID()
  readonly #ring = new MemoryRing()
  readonly #positions = new Map<string, number>()
  /** Of all that is stored, expired or not. */
  readonly #counts = new EventCounts()
  /** No stored event expires earlier: as long as the time is before it, nobody has to look for expired ones. */
  #nextExpiryMs = Number.POSITIVE_INFINITY
  #head = 0
  #keptFrom = 1
  #open = false

  constructor(capacity: number, now: () => number) {
    this.#capacity = capacity
    this.#now = now
    const mustBeOpen = () => this.#mustBeOpen()
    const holds: MemorySubscriptions['holds'] = (lease) => this.subscriptions.holds(lease)
    this.deadLetters = new MemoryDeadLetters({ now, mustBeOpen, holds })
    this.subscriptions = new MemorySubscriptions({ now, mustBeOpen, deadLetters: this.deadLetters })
  }

  async open(): Promise<void> {
    this.#open = true
  }

  async close(): Promise<void> {
    this.#open = false
  }

  async append(records: readonly EventRecord[]): Promise<AppendResult> {
    this.#mustBeOpen()
    const recordedAtMs = this.#now()
    const recordedAt = formatTimestamp(recordedAtMs)
    // All entries are made before the first is stored: a record that cannot be read stops the batch, not half of it.
    const entries: MemoryEntry[] = []
    const fresh = new Map<string, number>()
    const receipts = records.map(({ event, dataJson, expiresAtMs }): AppendReceipt => {
      const known = this.#positions.get(event.id) ?? fresh.get(event.id)
      if (known !== undefined) return { position: known, duplicate: true }
      const position = this.#head + entries.length + 1
      const stored = Object.freeze({ ...event, position, recorded_at: recordedAt })
      const bytes = Buffer.byteLength(dataJson) + Buffer.byteLength(event.title + event.message)
      entries.push({
        event: stored,
        recordedAtMs,
        bytes,
        expiresAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY,
      })
      fresh.set(event.id, position)
      return { position, duplicate: false }
    })
    for (const entry of entries) this.#store(entry)
    return { recordedAt, receipts }
  }

  async read(
    { after, limit, maxBytes, filter }: ReadQuery,
    { signal }: CallOptions = {},
  ): Promise<ReadResult> {
    this.#mustBeOpen()
    // What is asked for is in memory: nothing aborts while it is looked for.
    throwIfAborted(signal)
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

  async head(): Promise<LogHead> {
    this.#mustBeOpen()
    return { epoch: this.#epoch, position: this.#head, keptFrom: this.#keptFrom }
  }

  /** No other process can append. */
  watch(): () => void {
    return () => undefined
  }

  async list(query: EventQuery, { signal }: CallOptions = {}): Promise<EventPage> {
    this.#mustBeOpen()
    throwIfAborted(signal)
    const { events, more } = pageOf(this.#ring, query, this.#matcher(query.filter))
    const last = events.at(-1)
    return {
      events,
      ...(query.count !== 'none' && { total: this.#count(query.filter) }),
      ...(more && last && { next: last.position }),
    }
  }

  async get(id: string): Promise<StoredEvent | undefined> {
    this.#mustBeOpen()
    const entry = this.#ring.at(this.#indexOf(id))
    return entry !== undefined && entry.expiresAtMs > this.#now() ? entry.event : undefined
  }

  async count(filter?: EventFilter, { signal }: CallOptions = {}): Promise<number> {
    this.#mustBeOpen()
    throwIfAborted(signal)
    return this.#count(filter)
  }

  async totals({ signal }: CallOptions = {}): Promise<EventTotals> {
    this.#mustBeOpen()
    throwIfAborted(signal)
    return this.#visibleCounts().totals()
  }

  async delete(id: string): Promise<boolean> {
    this.#mustBeOpen()
    const index = this.#indexOf(id)
    const entry = this.#ring.at(index)
    if (entry === undefined) return false
    this.#ring.removeAt(index)
    this.#forget(entry)
    return true
  }

  async deleteMatching(filter: EventFilter, { signal }: CallOptions = {}): Promise<number> {
    this.#mustBeOpen()
    throwIfAborted(signal)
    const matches = compileFilter(filter)
    return this.#remove((entry) => matches(entry.event)).length
  }

  async clear(): Promise<number> {
    this.#mustBeOpen()
    return this.#retire(() => true)
  }

  async sweepExpired(): Promise<number> {
    this.#mustBeOpen()
    const nowMs = this.#now()
    return nowMs < this.#nextExpiryMs ? 0 : this.#remove((entry) => entry.expiresAtMs <= nowMs).length
  }

  async trim({ maxAgeMs, maxEvents }: TrimPolicy): Promise<number> {
    this.#mustBeOpen()
    let removed = 0
    if (maxAgeMs !== undefined) {
      const oldestMs = this.#now() - maxAgeMs
      // Not only from the oldest position on: the clock may have been set back in between.
      removed += this.#retire((entry) => entry.recordedAtMs < oldestMs)
    }
    for (; maxEvents !== undefined && this.#ring.size > maxEvents; removed++) this.#evict()
    return removed
  }

  #mustBeOpen(): void {
    if (!this.#open)
      throw new EventsError('EVENTS_NOT_RUNNING', 'the memory store is not open: call open() first')
  }

  #store(entry: MemoryEntry): void {
    if (this.#ring.size === this.#capacity) this.#evict()
    this.#head = entry.event.position
    this.#ring.push(entry)
    this.#positions.set(entry.event.id, entry.event.position)
    this.#counts.add(entry.event)
    this.#nextExpiryMs = Math.min(this.#nextExpiryMs, entry.expiresAtMs)
  }

  #evict(): void {
    const oldest = this.#ring.shift()
    if (oldest === undefined) return
    this.#keptFrom = Math.max(this.#keptFrom, oldest.event.position + 1)
    this.#forget(oldest)
  }

  /** Removes what is too old or too much: the kept log begins beyond the last of it. */
  #retire(chosen: (entry: MemoryEntry) => boolean): number {
    const retired = this.#remove(chosen)
    this.#keptFrom = Math.max(this.#keptFrom, (retired.at(-1)?.event.position ?? 0) + 1)
    return retired.length
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

  #forget({ event }: MemoryEntry): void {
    this.#positions.delete(event.id)
    this.#counts.remove(event)
  }

  /** -1 when there is none. */
  #indexOf(id: string): number {
    const position = this.#positions.get(id)
    return position === undefined ? -1 : this.#ring.indexAfter(position) - 1
  }

  /** Whether a stored event is visible and fits the filter. */
  #matcher(filter: EventFilter | undefined): (entry: MemoryEntry) => boolean {
    const nowMs = this.#now()
    if (filter === undefined) return (entry) => entry.expiresAtMs > nowMs
    const matches = compileFilter(filter)
    return (entry) => entry.expiresAtMs > nowMs && matches(entry.event)
  }

  #count(filter: EventFilter | undefined): number {
    if (filter === undefined || Object.keys(filter).length === 0) return this.#visibleCounts().total
    const matches = this.#matcher(filter)
    let count = 0
    for (let index = 0; index < this.#ring.size; index++) {
      const entry = this.#ring.at(index)
      if (entry !== undefined && matches(entry)) count++
    }
    return count
  }

  #visibleCounts(): EventCounts {
    const nowMs = this.#now()
    if (nowMs < this.#nextExpiryMs) return this.#counts
    const counts = this.#counts.copy()
    for (const { event, expiresAtMs } of this.#ring) if (expiresAtMs <= nowMs) counts.remove(event)
    return counts
  }
}
