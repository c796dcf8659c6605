import type { PublishedEvent, StoredEvent } from '../../event/event.ts'
import type { LiveBuffer, LogPage } from './live-buffer.ts'
import type { SharedRead } from './shared-read.ts'
import type { Signal } from './signal.ts'

/** An item of a log reader, in the order of the log. */
export type LogItem =
  /** Events from the store; empty if none between `after` and `position` matched. */
  | ({ readonly kind: 'page'; readonly after: number } & LogPage)
  /** The following items are live. */
  | { readonly kind: 'caught_up'; readonly position: number }
  /** Live events; those that are not stored have no position. */
  | {
      readonly kind: 'live'
      readonly events: readonly PublishedEvent[]
      readonly position: number
      readonly mayExpire: boolean
    }
  /** The live buffer no longer holds the next event: the following items are read from the store again. */
  | { readonly kind: 'fell_behind'; readonly position: number }

export interface LogReaderOptions {
  readonly buffer: LiveBuffer
  /** The place in the buffer at which the reader joined. */
  readonly place: number
  /** The position after which the reader begins. */
  readonly after: number
  /** The position up to which the store is read at least. */
  readonly target: number
  /** Notified when there may be more to take. */
  readonly signal: Signal
  /** Returns the last position that was offered to the buffer, or skipped because no receiver wanted it. */
  readonly dispatched: () => number
  readonly readFailed: (error: unknown) => void
  /** Called once, when the reader is closed. */
  readonly closed: () => void
}

const RETRY_MS = 250

/**
 * Reads every matching event after a position, each once and in order, and moves from history to live. It keeps no events:
 * while it keeps up, it reads from the buffer that all readers of its filter share, so a hundred readers at the end of the
 * log cost the store nothing. Events that have left the buffer it reads from the store.
 *
 * - behind: entered at the start, and when the buffer has dropped events that the reader needs. `readOn` gets pages of the
 *   store until they reach the positions that the buffer covers. Left with the item `caught_up`.
 * - live: `take` gets slices of the buffer. Left with the item `fell_behind`.
 * - closed: entered by `close`, from anywhere, and never left. `take` returns undefined.
 */
export class LogReader {
  readonly #options: LogReaderOptions
  readonly #buffer: LiveBuffer
  #state: 'behind' | 'live' | 'closed' = 'behind'
  #page: LogItem | undefined
  #cursor: number
  #place: number
  /** The read that the reader waits for. */
  #reading: SharedRead<LogPage> | undefined

  constructor(options: LogReaderOptions) {
    this.#options = options
    this.#buffer = options.buffer
    this.#cursor = options.after
    this.#place = options.place
  }

  /** The last position that was examined for this reader. */
  get position(): number {
    const isDone = this.#page === undefined && this.isLive && this.#place >= this.#buffer.end
    return isDone ? Math.max(this.#cursor, this.#options.dispatched()) : this.#cursor
  }

  /** True while the reader keeps up, so that nothing has to be read from the store. */
  get isLive(): boolean {
    return this.#state === 'live' && !this.#isBehind
  }

  /** The number of events that wait for the reader; while it is behind, the number of positions that it has not examined. */
  get lag(): number {
    if (this.#isBehind) return Math.max(0, this.#options.dispatched() - this.#cursor)
    return this.#buffer.end - Math.min(this.#place, this.#buffer.end)
  }

  /** True if everything was taken, so that the caller should `wait`. */
  get mayWait(): boolean {
    // Behind, there is at least `caught_up` to take, also where no event of the history matched.
    if (this.#state !== 'live') return this.#state === 'closed'
    const isEmpty = this.#page === undefined && this.#place >= this.#buffer.end
    return isEmpty && !this.#isBehind
  }

  /** Takes the next item that is available at once; undefined if there is none. */
  take(): LogItem | undefined {
    if (this.#state === 'closed') return undefined
    if (this.#page !== undefined || this.#isBehind) return this.#takePage()
    if (this.#state === 'behind') {
      this.#enter('live')
      return { kind: 'caught_up', position: this.#cursor }
    }
    // The buffer caches one slice for all readers: asking for an empty one would evict it.
    if (this.#place >= this.#buffer.end) return undefined
    const { events, end, position, mayExpire } = this.#buffer.slice(this.#place, this.#cursor)
    this.#place = Math.max(this.#place, end)
    if (position !== undefined) this.#cursor = position
    return events.length === 0 ? undefined : { kind: 'live', events, position: this.#cursor, mayExpire }
  }

  /** Reads on in the store, when `take` returned nothing and `mayWait` is false. Never throws. */
  async readOn(): Promise<void> {
    if (!this.#isBehind || this.#state === 'closed') return
    const after = this.#cursor
    try {
      const page = await this.#read(after)
      if (this.#isClosed) return
      this.#cursor = page.position
      this.#page = { kind: 'page', after, ...page }
    } catch (error) {
      if (this.#isClosed) return
      this.#options.readFailed(error)
      await this.#options.signal.wait(RETRY_MS)
    }
  }

  /** Notifies the signal when there is more to take. */
  wait(): void {
    this.#buffer.wait(this.#options.signal)
  }

  /** Ends the reader and leaves a read that is under way. Closing twice has no effect. */
  close(): void {
    if (this.#isClosed) return
    this.#enter('closed')
    this.#page = undefined
    this.#reading?.leave()
    this.#buffer.leave(this.#options.signal)
    this.#options.signal.notify()
    this.#options.closed()
  }

  get #isBehind(): boolean {
    return this.#cursor < Math.max(this.#buffer.covers, this.#options.target)
  }

  // A getter: otherwise TypeScript would assume that a check before an `await` still holds.
  get #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #takePage(): LogItem | undefined {
    const page = this.#page
    this.#page = undefined
    if (page !== undefined || this.#state === 'behind') return page
    this.#enter('behind')
    return { kind: 'fell_behind', position: this.#cursor }
  }

  /** The only place that changes the state. */
  #enter(state: 'behind' | 'live' | 'closed'): void {
    if (this.#state !== 'closed') this.#state = state
  }

  async #read(after: number): Promise<LogPage> {
    this.#reading = this.#buffer.read(after)
    try {
      return await this.#reading.answer
    } finally {
      this.#reading = undefined
    }
  }
}

/** Returns the stored events of an item, in order. */
export function storedEvents(item: LogItem): readonly StoredEvent[] {
  if (item.kind === 'page') return item.events
  return item.kind === 'live' ? item.events.filter(isStoredEvent) : []
}

function isStoredEvent(event: PublishedEvent): event is StoredEvent {
  return event.position !== undefined
}
