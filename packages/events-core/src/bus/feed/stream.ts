import { abortSignal, checkOptions, func, type OptionRule } from '../../check-options.ts'
import type { PublishedEvent } from '../../event/event.ts'
import { Fifo } from '../../fifo.ts'
import type { Logger } from '../api.ts'
import { inCallerContext } from '../delivery/caller-context.ts'
import { guarded } from '../guarded.ts'
import type { EventFeed } from './event-feed.ts'
import type { FeedItem, FeedOptions } from './feed-item.ts'

/** A notice between the events of a stream: see `FeedItem`. */
export type StreamNotice = Exclude<FeedItem, { kind: 'events' }>

export interface StreamOptions extends FeedOptions {
  /** Ends the stream, without an error. */
  readonly signal?: AbortSignal
  /** Called when the stream has caught up or fallen behind, and when retention has removed events before it read them. */
  readonly onNotice?: (notice: StreamNotice) => void
}

const RULES: Readonly<Record<'signal' | 'onNotice', OptionRule>> = { signal: abortSignal, onNotice: func }

type Result = IteratorResult<PublishedEvent, void>
type OpenFeed = (options: FeedOptions) => Promise<EventFeed>

/** A reader's pending call of `next`. */
interface Call {
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

const END: Result = Object.freeze({ done: true, value: undefined })

/**
 * Iterates over the events of a feed, one by one.
 *
 * new → open, at the first `next` → ended: by the reader, by `signal`, with the feed, or when it could not be opened. It is
 * not an async generator function, since a waiting one cannot be ended before the next event.
 */
export class EventStream implements AsyncGenerator<PublishedEvent, void> {
  readonly #open: OpenFeed
  readonly #options: StreamOptions
  readonly #notify: (notice: StreamNotice) => void
  readonly #calls = new Fifo<Call>()
  #feed: EventFeed | undefined
  #events: readonly PublishedEvent[] = []
  /** The number of `#events` that were delivered. */
  #taken = 0
  #ignoreSignal: (() => void) | undefined
  #isReading = false
  #isEnded = false

  constructor(open: OpenFeed, options: StreamOptions, logger: Logger) {
    const { onNotice } = options
    this.#open = open
    this.#options = options
    const failed = (err: unknown) => logger.error({ err }, 'The onNotice callback of a stream failed')
    this.#notify = onNotice === undefined ? () => undefined : guarded(inCallerContext(onNotice), failed)
  }

  /** @throws EventsError EVENTS_INVALID, EVENTS_STORAGE_*, EVENTS_NOT_RUNNING if the stream cannot be opened */
  next(): Promise<Result> {
    if (this.#isEnded) return Promise.resolve(END)
    const event = this.#calls.size === 0 ? this.#take() : undefined
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    this.#calls.push({ resolve, reject })
    if (!this.#isReading) void this.#read()
    return promise
  }

  async return(): Promise<Result> {
    this.#end()
    return END
  }

  async throw(error: unknown): Promise<Result> {
    this.#end()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end()
  }

  /** Reads until every call has its result. */
  async #read(): Promise<void> {
    this.#isReading = true
    try {
      const feed = this.#feed ?? (await this.#openFeed())
      while (this.#calls.size > 0 && !this.#isEnded) {
        const event = this.#take()
        if (event !== undefined) this.#calls.shift()?.resolve({ done: false, value: event })
        else await this.#readOn(feed)
      }
    } catch (error) {
      this.#calls.shift()?.reject(error)
      this.#end()
    } finally {
      this.#isReading = false
    }
  }

  async #openFeed(): Promise<EventFeed | undefined> {
    const { signal, onNotice, ...feedOptions } = this.#options
    checkOptions('stream options', { signal, onNotice }, RULES)
    if (signal?.aborted) return this.#end()
    signal?.addEventListener('abort', this.#end, { once: true })
    this.#ignoreSignal = () => signal?.removeEventListener('abort', this.#end)
    this.#feed = await this.#open(feedOptions)
    // The reader may have ended the stream while it was being opened.
    if (this.#isEnded) this.#feed.close()
    return this.#feed
  }

  async #readOn(feed: EventFeed | undefined): Promise<void> {
    const item = await feed?.next()
    if (item === undefined) this.#end()
    else if (item.kind !== 'events') this.#notify(item)
    else {
      this.#events = item.events
      this.#taken = 0
    }
  }

  #take(): PublishedEvent | undefined {
    return this.#events[this.#taken++]
  }

  readonly #end = (): undefined => {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#events = []
    this.#feed?.close()
    this.#ignoreSignal?.()
    for (let call = this.#calls.shift(); call !== undefined; call = this.#calls.shift()) call.resolve(END)
  }
}
