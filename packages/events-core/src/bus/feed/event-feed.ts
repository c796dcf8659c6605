import type { PublishedEvent } from '../../event/event.ts'
import { formatTimestamp, parseTimestamp } from '../../event/timestamp.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { SubscriptionInfo } from '../api.ts'
import { inCallerContext } from '../delivery/caller-context.ts'
import { Signal } from '../tail/signal.ts'
import { type FeedItem, type FeedReceiver, itemsOf } from './feed-item.ts'
import type { LiveWindow, LogPage } from './live-buffer.ts'
import type { SharedRead } from './shared-read.ts'

/** What a feed needs of its bus. */
export interface FeedHost {
  readonly id: string
  readonly name: string
  readonly subscriber: string
  readonly filter: EventFilter
  readonly window: LiveWindow
  readonly now: () => number
  /** The last position that was dispatched to windows. */
  readonly dispatched: () => number
  readonly delivered: (events: number) => void
  readonly readFailed: (error: unknown) => void
  readonly ended: (feed: EventFeed) => void
}

const RETRY_MS = 250

/**
 * Matching events from a place in the log on: history from the store, then live, each once and in order. Nothing is
 * buffered for it: while it keeps up it reads from the window that all feeds of its filter share, and what it was too
 * slow for it reads from the store.
 *
 * catching up: pages of the store, until they reach what the window covers. live: slices of the window; when the window
 * has gone on without it, it is catching up again. finishing: the bus stops; the window's rest comes, then the end.
 * ended: `next` answers undefined.
 */
export class EventFeed {
  readonly #host: FeedHost
  readonly #window: LiveWindow
  readonly #signal = new Signal()
  readonly #ready: FeedItem[] = []
  readonly #createdMs: number
  readonly #end = Promise.withResolvers<void>()
  #state: 'catching up' | 'live' | 'finishing' | 'ended' = 'catching up'
  /** Whether the reader waits for more, so that all that was handed out is done with. */
  #isIdle = false
  /** The last position that was examined on its behalf. */
  #cursor: number
  /** As `#cursor`, but of what was handed out. */
  #handedOut: number
  /** The store is read at least up to here: the end of the log when the feed began. */
  readonly #target: number
  #place: number
  /** The read that it waits for. */
  #reading: SharedRead<LogPage> | undefined
  #lastTriggeredMs: number | undefined
  #triggered = 0
  #inFlight = 0

  /**
   * @param place in the window at which it joined
   * @param after the position behind which it begins
   * @param target the end of the log
   */
  constructor(host: FeedHost, place: number, after: number, target: number) {
    this.#host = host
    this.#window = host.window
    this.#place = place
    this.#cursor = after
    this.#handedOut = after
    this.#target = target
    this.#createdMs = host.now()
  }

  get id(): string {
    return this.#host.id
  }

  get name(): string {
    return this.#host.name
  }

  /**
   * Every matching event up to here was handed out, so a reader that has them all may go on from here. It moves while
   * the reader waits, too: past events that do not match.
   */
  get position(): number {
    const isDone = this.#isIdle && this.#state === 'live' && this.#place >= this.#window.end
    return isDone ? Math.max(this.#handedOut, this.#host.dispatched()) : this.#handedOut
  }

  /** Resolves when it has ended. */
  get ended(): Promise<void> {
    return this.#end.promise
  }

  /**
   * The next item as soon as there is one; undefined when the feed was closed or the bus has stopped. A store that
   * fails is asked again until it answers. To be called again only when it has resolved.
   */
  async next(): Promise<FeedItem | undefined> {
    this.#inFlight = 0
    while (this.#state !== 'ended') {
      const item = this.#take()
      if (item !== undefined) return this.#handOut(item)
      if (this.#mayWait) {
        this.#isIdle = true
        this.#window.wait(this.#signal)
        await this.#signal.wait()
        this.#isIdle = false
      } else await this.#more()
    }
    return undefined
  }

  /**
   * Has `receive` called with each item as soon as there is one, instead of `next`: readers that wait for the same events
   * get them in one turn, where a promise for each would cost more than the rest.
   * @returns when the feed has ended
   * @throws what `receive` throws; the feed is closed then
   */
  follow(receive: FeedReceiver): Promise<void> {
    const receiveItem = inCallerContext(receive)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (error: unknown): void => {
      this.close()
      reject(error)
    }
    const goOn = (): void => {
      try {
        const pause = this.#handOutAll(receiveItem, goOn)
        if (this.#state === 'ended') resolve()
        else pause?.then(goOn, fail)
      } catch (error) {
        fail(error)
      }
    }
    goOn()
    return promise
  }

  /** The items one by one; a reader that ends it closes the feed, also while it waits. */
  [Symbol.asyncIterator](): AsyncIterableIterator<FeedItem, void> {
    return itemsOf(this)
  }

  /** Ends it; who waits for the next item is told. Closing twice is fine. */
  close(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#ready.length = 0
    this.#reading?.leave()
    this.#window.leave(this.#signal)
    this.#signal.notify()
    this.#host.ended(this)
    this.#end.resolve()
  }

  /** Has it hand out what the window holds for it, and end. */
  finish(): void {
    if (this.#state === 'ended') return
    this.#state = 'finishing'
    this.#signal.notify()
  }

  info(): SubscriptionInfo {
    const last = this.#lastTriggeredMs
    return {
      id: this.id,
      name: this.name,
      subscriber: this.#host.subscriber,
      filter: this.#host.filter,
      created: formatTimestamp(this.#createdMs),
      last_triggered: last === undefined ? null : formatTimestamp(last),
      trigger_count: this.#triggered,
      durable: false,
      state: 'running',
      lag: this.lag,
      in_flight: this.#inFlight,
      dropped: 0,
      errors: 0,
    }
  }

  /** Events that wait for it; while it is catching up, positions of the log that it has not examined. */
  get lag(): number {
    if (this.#isBehind) return Math.max(0, this.#host.dispatched() - this.#cursor)
    return this.#window.end - Math.min(this.#place, this.#window.end)
  }

  get #isBehind(): boolean {
    return this.#cursor < Math.max(this.#window.covers, this.#target)
  }

  /** What can be had without waiting. */
  #take(): FeedItem | undefined {
    const ready = this.#ready.shift()
    if (ready !== undefined || this.#isBehind) return ready ?? this.#fallBehind()
    if (this.#state === 'catching up') {
      this.#state = 'live'
      return { kind: 'caught_up', position: this.#cursor }
    }
    // The window keeps one slice for all: to ask for an empty one would have the next reader's made anew.
    if (this.#place >= this.#window.end) return undefined
    const { events, end, position, mayExpire } = this.#window.slice(this.#place, this.#cursor)
    this.#place = Math.max(this.#place, end)
    if (position !== undefined) this.#cursor = position
    if (mayExpire) return this.#eventsItem(events, this.#cursor)
    return events.length === 0 ? undefined : { kind: 'events', events, position: this.#cursor }
  }

  /** Whether all was taken, and the window tells when there is more. All of a slice may have expired. */
  get #mayWait(): boolean {
    return this.#state !== 'finishing' && !this.#isBehind && this.#place >= this.#window.end
  }

  #fallBehind(): FeedItem | undefined {
    if (this.#state !== 'live') return undefined
    this.#state = 'catching up'
    return { kind: 'fell_behind', position: this.#cursor }
  }

  /** @returns what to wait for before it goes on; nothing when it has ended, or `goOn` is called when there is more */
  #handOutAll(receive: FeedReceiver, goOn: () => void): Promise<void> | undefined {
    while (this.#state !== 'ended') {
      this.#isIdle = false
      this.#inFlight = 0
      const item = this.#take()
      const pause = item === undefined ? this.#pause(goOn) : receive(this.#handOut(item))
      if (pause !== undefined) return pause
      if (this.#isIdle) return undefined
    }
    return undefined
  }

  /** Waits idly when it may, and does otherwise what leads to more. */
  #pause(goOn: () => void): Promise<void> | undefined {
    if (!this.#mayWait) return this.#more()
    this.#window.wait(this.#signal)
    this.#isIdle = this.#signal.arm(goOn)
    return undefined
  }

  async #more(): Promise<void> {
    if (this.#state === 'finishing') this.close()
    else if (this.#isBehind) await this.#readOn()
  }

  async #readOn(): Promise<void> {
    try {
      this.#accept(await this.#read())
    } catch (error) {
      if (this.#state === 'ended') return
      this.#host.readFailed(error)
      await this.#signal.wait(RETRY_MS)
    }
  }

  async #read(): Promise<LogPage> {
    this.#reading = this.#window.read(this.#cursor)
    try {
      return await this.#reading.answer
    } finally {
      this.#reading = undefined
    }
  }

  #accept({ events, position, head }: LogPage): void {
    if (this.#state === 'ended') return
    const [from, to] = [this.#cursor + 1, Math.min(head.keptFrom - 1, position)]
    if (to >= from) this.#ready.push({ kind: 'gap', from, to })
    this.#cursor = position
    const item = this.#eventsItem(events, position)
    if (item !== undefined) this.#ready.push(item)
    else if (this.#ready.length === 0) this.#handedOut = position
  }

  /** Expired events are left out; who gets none of them gets the array as it is, as others do. */
  #eventsItem(events: readonly PublishedEvent[], position: number): FeedItem | undefined {
    const nowMs = this.#host.now()
    const visible = events.some((event) => isExpired(event, nowMs))
      ? events.filter((event) => !isExpired(event, nowMs))
      : events
    return visible.length === 0 ? undefined : { kind: 'events', events: visible, position }
  }

  #handOut(item: FeedItem): FeedItem {
    this.#handedOut = item.kind === 'gap' ? item.to : item.position
    if (item.kind !== 'events') return item
    this.#lastTriggeredMs = this.#host.now()
    this.#inFlight = item.events.length
    this.#triggered += item.events.length
    this.#host.delivered(item.events.length)
    return item
  }
}

function isExpired({ ttl, timestamp }: PublishedEvent, nowMs: number): boolean {
  return ttl !== undefined && (parseTimestamp(timestamp) ?? 0) + ttl <= nowMs
}
