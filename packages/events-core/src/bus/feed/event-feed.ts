import type { PublishedEvent } from '../../event/event.ts'
import { formatTimestamp, parseTimestamp } from '../../event/timestamp.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { SubscriptionInfo } from '../api.ts'
import { inCallerContext } from '../delivery/caller-context.ts'
import type { LogItem, LogReader } from '../tail/log-reader.ts'
import type { Signal } from '../tail/signal.ts'
import { type FeedItem, type FeedReceiver, itemsOf } from './feed-item.ts'

/** The parts of a bus that a feed needs. */
export interface FeedHost {
  readonly id: string
  readonly name: string
  readonly subscriber: string
  readonly filter: EventFilter
  readonly now: () => number
  readonly delivered: (events: number) => void
  readonly ended: (feed: EventFeed) => void
}

/**
 * Delivers matching events from a position on: history from the store, then live, each once and in order.
 *
 * - open: entered at the start. Delivers items as the log reader takes them. Left by `finish` and `close`.
 * - finishing: entered by `finish`, when the bus stops. Delivers the events that the live buffer holds, then ends.
 * - ended: entered by `close`, from anywhere, and never left. `next` resolves with undefined.
 */
export class EventFeed {
  readonly #host: FeedHost
  readonly #reader: LogReader
  readonly #signal: Signal
  readonly #ready: FeedItem[] = []
  readonly #createdMs: number
  readonly #end = Promise.withResolvers<void>()
  #state: 'open' | 'finishing' | 'ended' = 'open'
  /** True while the caller waits for more, so that it is done with everything delivered before. */
  #isIdle = false
  /** The last position that was delivered. */
  #handedOut: number
  #lastTriggeredMs: number | undefined
  #triggered = 0
  #inFlight = 0

  /** @param signal the signal that the log reader notifies */
  constructor(host: FeedHost, reader: LogReader, signal: Signal) {
    this.#host = host
    this.#reader = reader
    this.#signal = signal
    this.#handedOut = reader.position
    this.#createdMs = host.now()
  }

  get id(): string {
    return this.#host.id
  }

  get name(): string {
    return this.#host.name
  }

  /**
   * The position up to which every matching event was delivered, from which a reader that has them all can resume. It also
   * advances while the reader waits, past events that do not match.
   */
  get position(): number {
    const isDone = this.#isIdle && this.#reader.isLive && this.#ready.length === 0
    return isDone ? Math.max(this.#handedOut, this.#reader.position) : this.#handedOut
  }

  /** Resolves when the feed has ended. */
  get ended(): Promise<void> {
    return this.#end.promise
  }

  /**
   * Resolves with the next item as soon as there is one; with undefined once the feed is closed or the bus has stopped.
   * Retries while the store fails. Must not be called again before it has resolved.
   */
  async next(): Promise<FeedItem | undefined> {
    this.#inFlight = 0
    while (this.#state !== 'ended') {
      const item = this.#take()
      if (item !== undefined) return this.#handOut(item)
      if (this.#mayWait) {
        this.#isIdle = true
        this.#reader.wait()
        await this.#signal.wait()
        this.#isIdle = false
      } else await this.#more()
    }
    return undefined
  }

  /**
   * Calls `receive` with each item as soon as there is one, instead of `next`: readers that wait for the same events get
   * them in one turn, where a promise for each would cost more than the rest.
   * @returns a promise that resolves when the feed has ended
   * @throws whatever `receive` throws, after closing the feed
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

  /** Iterates over the items; ending the iteration closes the feed, even while a `next` call waits. */
  [Symbol.asyncIterator](): AsyncIterableIterator<FeedItem, void> {
    return itemsOf(this)
  }

  /** Ends the feed; a waiting `next` resolves with undefined. Closing twice has no effect. */
  close(): void {
    if (this.#state === 'ended') return
    this.#enter('ended')
    this.#ready.length = 0
    this.#reader.close()
    this.#host.ended(this)
    this.#end.resolve()
  }

  /** Delivers the events that the live buffer holds for the feed, then ends it. */
  finish(): void {
    this.#enter('finishing')
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

  /**
   * The number of events that wait for the feed; while it is catching up, the number of positions that it has not examined.
   */
  get lag(): number {
    return this.#reader.lag
  }

  /** The only place that changes the state. */
  #enter(state: 'finishing' | 'ended'): void {
    if (this.#state !== 'ended') this.#state = state
  }

  /** Returns the next item that is available without waiting. */
  #take(): FeedItem | undefined {
    const ready = this.#ready.shift()
    if (ready !== undefined) return ready
    const item = this.#reader.take()
    return item === undefined ? undefined : this.#itemOf(item)
  }

  /** True if everything was taken and the log reader will notify of more. All events of a slice may have expired. */
  get #mayWait(): boolean {
    return this.#state !== 'finishing' && this.#reader.mayWait
  }

  /** @returns a promise to wait for before continuing; undefined if the feed has ended, or if `goOn` will be called */
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

  /** Waits for a notification if everything was taken; otherwise reads on. */
  #pause(goOn: () => void): Promise<void> | undefined {
    if (!this.#mayWait) return this.#more()
    this.#reader.wait()
    this.#isIdle = this.#signal.arm(goOn)
    return undefined
  }

  async #more(): Promise<void> {
    if (this.#state === 'finishing') this.close()
    else await this.#reader.readOn()
  }

  #itemOf(item: LogItem): FeedItem | undefined {
    if (item.kind === 'caught_up' || item.kind === 'fell_behind') return item
    const { events, position } = item
    if (item.kind === 'live')
      return item.mayExpire ? this.#eventsItem(events, position) : { kind: 'events', events, position }
    const visible = this.#eventsItem(events, position)
    const [from, to] = [item.after + 1, Math.min(item.head.keptFrom - 1, position)]
    if (to < from) return visible ?? this.#pass(position)
    if (visible !== undefined) this.#ready.push(visible)
    return { kind: 'gap', from, to }
  }

  /** Advances to a position without delivering an item. */
  #pass(position: number): undefined {
    this.#handedOut = position
  }

  /** Returns an item without expired events; if none has expired, it has the array that other feeds share. */
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
