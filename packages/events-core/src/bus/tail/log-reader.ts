import type { PublishedEvent, StoredEvent } from '../../event/event.ts'
import type { LiveBuffer, LogPage } from './live-buffer.ts'
import type { SharedRead } from './shared-read.ts'
import type { Signal } from './signal.ts'

/** What a reader takes, in the order of the log. */
export type LogItem =
  /** Events from the store, those that it kept; none of them when nothing between `after` and `position` matched. */
  | ({ readonly kind: 'page'; readonly after: number } & LogPage)
  /** What follows is live. */
  | { readonly kind: 'caught_up'; readonly position: number }
  /** Live events; those that are not stored have no position. */
  | {
      readonly kind: 'live'
      readonly events: readonly PublishedEvent[]
      readonly position: number
      readonly mayExpire: boolean
    }
  /** More came than the live buffer keeps: what follows is read from the store again. */
  | { readonly kind: 'fell_behind'; readonly position: number }

export interface LogReaderOptions {
  readonly buffer: LiveBuffer
  /** The place in the buffer at which it joined. */
  readonly place: number
  /** The position behind which it begins. */
  readonly after: number
  /** The store is read at least up to here. */
  readonly target: number
  /** Notified when there may be more to take. */
  readonly signal: Signal
  /** Returns the last position that was brought to the buffer, or passed over because nobody wanted it. */
  readonly dispatched: () => number
  readonly readFailed: (error: unknown) => void
  /** Called once, when it is closed. */
  readonly closed: () => void
}

const RETRY_MS = 250

/**
 * A place in the log that moves from history to live: every matching event after a position, each once and in order. It
 * keeps no events: while it keeps up it reads from the buffer that all readers of its filter share, so a hundred readers at
 * the end of the log cost the store nothing. What it was too slow for it reads from the store.
 *
 * - behind: entered at the start, and when the buffer has gone on without it. `readOn` gets pages of the store, until they
 *   reach what the buffer covers. Left with the item `caught_up`.
 * - live: `take` gets slices of the buffer. Left with the item `fell_behind`.
 * - closed: entered by `close`, from anywhere, and never left. There is nothing to take.
 */
export class LogReader {
  readonly #options: LogReaderOptions
  readonly #buffer: LiveBuffer
  #state: 'behind' | 'live' | 'closed' = 'behind'
  #page: LogItem | undefined
  #cursor: number
  #place: number
  /** The read that it waits for. */
  #reading: SharedRead<LogPage> | undefined

  constructor(options: LogReaderOptions) {
    this.#options = options
    this.#buffer = options.buffer
    this.#cursor = options.after
    this.#place = options.place
  }

  /** The last position that was examined on its behalf. */
  get position(): number {
    const isDone = this.#page === undefined && this.isLive && this.#place >= this.#buffer.end
    return isDone ? Math.max(this.#cursor, this.#options.dispatched()) : this.#cursor
  }

  /** Whether it keeps up, so that nothing has to be read from the store. */
  get isLive(): boolean {
    return this.#state === 'live' && !this.#isBehind
  }

  /** Events that wait for it; while it is behind, positions of the log that it has not examined. */
  get lag(): number {
    if (this.#isBehind) return Math.max(0, this.#options.dispatched() - this.#cursor)
    return this.#buffer.end - Math.min(this.#place, this.#buffer.end)
  }

  /** Whether all was taken, so that there is nothing to do but to `wait`. */
  get mayWait(): boolean {
    // Behind, there is at least `caught_up` to take, also where no event of the history matched.
    if (this.#state !== 'live') return this.#state === 'closed'
    const isEmpty = this.#page === undefined && this.#place >= this.#buffer.end
    return isEmpty && !this.#isBehind
  }

  /** Takes what can be had at once; undefined when there is nothing. */
  take(): LogItem | undefined {
    if (this.#state === 'closed') return undefined
    if (this.#page !== undefined || this.#isBehind) return this.#takePage()
    if (this.#state === 'behind') {
      this.#enter('live')
      return { kind: 'caught_up', position: this.#cursor }
    }
    // The buffer keeps one slice for all: to ask for an empty one would have the next reader's made anew.
    if (this.#place >= this.#buffer.end) return undefined
    const { events, end, position, mayExpire } = this.#buffer.slice(this.#place, this.#cursor)
    this.#place = Math.max(this.#place, end)
    if (position !== undefined) this.#cursor = position
    return events.length === 0 ? undefined : { kind: 'live', events, position: this.#cursor, mayExpire }
  }

  /** Does what leads to more, when `take` got nothing and it must not wait: reads on in the store. Never throws. */
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

  /** Has the signal notified when there is more to take. */
  wait(): void {
    this.#buffer.wait(this.#options.signal)
  }

  /** Ends it, and gives up a read that is under way. Closing twice is fine. */
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

  // A getter, or TypeScript would take what was checked before an `await` as still true.
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

/** Returns the events of an item that the store has, in order. */
export function storedEvents(item: LogItem): readonly StoredEvent[] {
  if (item.kind === 'page') return item.events
  return item.kind === 'live' ? item.events.filter(isStoredEvent) : []
}

function isStoredEvent(event: PublishedEvent): event is StoredEvent {
  return event.position !== undefined
}
