import type { PublishedEvent } from '../../event/event.ts'
import { compileResidual, compileTypes, type EventFilter } from '../../filter/filter.ts'
import type { EventLog, LogHead, ReadResult } from '../../storage/contract/storage.ts'
import type { Receiver } from './dispatcher.ts'
import { SharedRead } from './shared-read.ts'
import type { Signal } from './signal.ts'

/** The limits of a buffer; a reader that is further behind reads from the store. */
const BUFFER_EVENTS = 10_000
const BUFFER_BYTES = 8 * 2 ** 20
/** The limits of a slice, or of a page of the log, which is encoded and written in one piece. */
const SLICE_BYTES = 256 * 2 ** 10
const PAGE_EVENTS = 500
/** The pause between two wakes: 1,000 readers are woken at most 50 times a second. */
const WAKE_PAUSE_PER_READER_MS = 0.02
const MAX_WAKE_PAUSE_MS = 50
/** The approximate JSON size of an event without its title, message and data. */
const BARE_EVENT_BYTES = 400

export interface LiveBufferOptions {
  readonly log: Pick<EventLog, 'read' | 'head'>
  readonly filter: EventFilter
  /** The last position that was dispatched before: the buffer covers the events after it. */
  readonly covers: number
}

/** Consecutive events; readers that ask for the same slice get the same array. */
export interface BufferSlice {
  readonly events: readonly PublishedEvent[]
  /** The place at which the next slice begins. */
  readonly end: number
  /** The position of the last event that has one. */
  readonly position: number | undefined
  /** True if any of the events has a TTL. */
  readonly mayExpire: boolean
}

interface SharedSlice extends BufferSlice {
  readonly begin: number
  /** True if further events would not extend it. */
  readonly isFull: boolean
}

/** A page of the log, with the head as it was after the page had been read. */
export interface LogPage extends ReadResult {
  readonly head: LogHead
}

interface BufferedEvent {
  readonly event: PublishedEvent
  readonly bytes: number
}

/**
 * The newest events that match a filter, shared by all readers of that filter: an event is matched and kept once, however
 * many read it, and a reader only has a place in the buffer. Places are counted from the first event ever, so that they
 * stay valid when events leave at the front.
 */
export class LiveBuffer implements Receiver {
  readonly wantsType: (type: string) => boolean
  readonly #log: LiveBufferOptions['log']
  readonly #filter: EventFilter
  readonly #matches: ((event: PublishedEvent) => boolean) | undefined
  readonly #waiting = new Set<Signal>()
  /** Reads under way, by the position after which they begin. */
  readonly #reads = new Map<number, SharedRead<LogPage>>()
  #items: BufferedEvent[] = []
  #bytes = 0
  /** The place of the first item. */
  #begin = 0
  #covers: number
  #slice: SharedSlice | undefined
  #wake: NodeJS.Immediate | NodeJS.Timeout | undefined
  #wokenAt = Number.NEGATIVE_INFINITY
  /** The number of readers that share this buffer. */
  members = 0

  constructor({ log, filter, covers }: LiveBufferOptions) {
    this.#log = log
    this.#filter = filter
    this.wantsType = compileTypes(filter.types)
    this.#matches = compileResidual(filter)
    this.#covers = covers
  }

  /** The position after which the buffer holds every matching event that was dispatched. */
  get covers(): number {
    return this.#covers
  }

  /** The place after the last event. */
  get end(): number {
    return this.#begin + this.#items.length
  }

  /** A property, not a method: mitt needs the same function for `on` and `off`. */
  readonly offer = (event: PublishedEvent): void => {
    if (this.#matches !== undefined && !this.#matches(event)) return
    const bytes = sizeOf(event)
    this.#items.push({ event, bytes })
    this.#bytes += bytes
    while (this.#items.length > BUFFER_EVENTS || (this.#bytes > BUFFER_BYTES && this.#items.length > 1))
      this.#evict()
    if (this.#waiting.size > 0) this.#wake ??= this.#scheduleWake()
  }

  /** Returns the events from a place on that lie after a position, up to the limits of a slice. */
  slice(from: number, after: number): BufferSlice {
    let begin = Math.max(from, this.#begin)
    while (begin < this.end && this.#isKnown(begin, after)) begin++
    const last = this.#slice
    if (last?.begin === begin && (last.isFull || last.end === this.end)) return last
    this.#slice = this.#cut(begin)
    return this.#slice
  }

  /** Notifies the signal when there are new events. The caller must have taken all current ones. */
  wait(signal: Signal): void {
    this.#waiting.add(signal)
    // While a wake is due, earlier waiters have not taken all events yet.
    if (this.#wake === undefined && this.#waiting.size === this.members) this.#clear()
  }

  leave(signal: Signal): void {
    this.#waiting.delete(signal)
    this.members--
  }

  /**
   * Returns a read of a page of the log; readers that ask for the same page at the same time share it, and each must leave
   * it.
   */
  read(after: number): SharedRead<LogPage> {
    const known = this.#reads.get(after)
    if (known !== undefined) return known.join()
    const forget = () => {
      if (this.#reads.get(after) === read) this.#reads.delete(after)
    }
    const read = new SharedRead((signal) => this.#read(after, signal), forget)
    this.#reads.set(after, read)
    read.answer.then(forget, forget)
    return read.join()
  }

  async #read(after: number, signal: AbortSignal): Promise<LogPage> {
    const query = { after, limit: PAGE_EVENTS, maxBytes: SLICE_BYTES, filter: this.#filter }
    const page = await this.#log.read(query, { signal })
    // The head is read after the page: it must reflect what retention removed while the page was being read.
    const head = await this.#log.head()
    return { ...page, head }
  }

  /**
   * Events that arrive in one turn of the event loop are delivered together. While events keep arriving, many readers are
   * woken less often: a write for each reader costs much more than the few additional events in it.
   */
  #scheduleWake(): NodeJS.Immediate | NodeJS.Timeout {
    const pauseMs = Math.min(MAX_WAKE_PAUSE_MS, this.members * WAKE_PAUSE_PER_READER_MS)
    const leftMs = this.#wokenAt + pauseMs - performance.now()
    const wake = () => this.#wakeAll()
    return leftMs < 1 ? setImmediate(wake) : setTimeout(wake, leftMs)
  }

  #wakeAll(): void {
    this.#wake = undefined
    this.#wokenAt = performance.now()
    const signals = [...this.#waiting]
    this.#waiting.clear()
    for (const signal of signals) signal.notify()
  }

  #isKnown(place: number, position: number): boolean {
    const known = this.#items[place - this.#begin]?.event.position
    return known !== undefined && known <= position
  }

  #cut(begin: number): SharedSlice {
    const events: PublishedEvent[] = []
    let bytes = 0
    for (let index = begin - this.#begin; bytes < SLICE_BYTES; index++) {
      const item = this.#items[index]
      if (item === undefined) break
      events.push(item.event)
      bytes += item.bytes
    }
    return {
      begin,
      events,
      end: begin + events.length,
      position: events.findLast(({ position }) => position !== undefined)?.position,
      mayExpire: events.some(({ ttl }) => ttl !== undefined),
      isFull: bytes >= SLICE_BYTES,
    }
  }

  #evict(): void {
    const oldest = this.#items.shift()
    if (oldest === undefined) return
    this.#begin++
    this.#bytes -= oldest.bytes
    this.#covers = Math.max(this.#covers, oldest.event.position ?? 0)
  }

  #clear(): void {
    for (const { event } of this.#items) this.#covers = Math.max(this.#covers, event.position ?? 0)
    this.#begin = this.end
    this.#items = []
    this.#bytes = 0
  }
}

/** The event that was measured last, since the same event is offered to one buffer after the other. */
let measured: { readonly event: PublishedEvent; readonly bytes: number } | undefined

/** Returns the approximate size of the event as JSON, in bytes. */
function sizeOf(event: PublishedEvent): number {
  if (measured?.event === event) return measured.bytes
  const texts = event.title.length + event.message.length + event.source.length
  const bytes = BARE_EVENT_BYTES + texts + JSON.stringify(event.data).length
  measured = { event, bytes }
  return bytes
}
