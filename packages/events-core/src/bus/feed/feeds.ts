import { checkOptions, integer, type OptionRule, oneOf, text } from '../../check-options.ts'
import { invalid } from '../../errors.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { EventMetrics } from '../../metrics/metrics.ts'
import type { EventLog, LogHead } from '../../storage/contract/storage.ts'
import { within } from '../../within.ts'
import type { Logger, SubscriptionInfo } from '../api.ts'
import { nameRule } from '../delivery/settings.ts'
import type { LogReaders } from '../tail/log-readers.ts'
import { Signal } from '../tail/signal.ts'
import { EventFeed } from './event-feed.ts'
import type { FeedOptions } from './feed-item.ts'

export interface FeedsHost {
  readonly storage: Pick<EventLog, 'head'>
  readonly metrics: EventMetrics
  readonly logger: Logger
  readonly now: () => number
  readonly readers: LogReaders
}

const RULES: Readonly<Record<keyof FeedOptions, OptionRule>> = {
  after: integer(0),
  from: oneOf('beginning', 'now'),
  name: nameRule,
  subscriber: text(256),
}

/** The minimum time between two log lines: an unavailable store fails the reads of every feed. */
const LOG_EVERY_MS = 5_000

/** The feeds of one bus. */
export class Feeds {
  readonly #host: FeedsHost
  readonly #open = new Set<EventFeed>()
  #opening = 0
  #made = 0
  #loggedAt = Number.NEGATIVE_INFINITY

  constructor(host: FeedsHost) {
    this.#host = host
  }

  /** The number of feeds, including those that are being opened. */
  get size(): number {
    return this.#open.size + this.#opening
  }

  /** @throws EventsError EVENTS_INVALID for an invalid option or a position beyond the log; EVENTS_STORAGE_* */
  async open(filter: EventFilter, options: FeedOptions): Promise<EventFeed> {
    checkOptions('feed options', options, RULES)
    // The buffer is joined first: it then holds the events that are appended while the head is read.
    const seat = this.#host.readers.join(filter)
    this.#opening++
    try {
      const head = await this.#host.storage.head()
      const signal = new Signal()
      const readFailed = (error: unknown) => this.#readFailed(error)
      const after = startOf(options, head)
      const reader = seat.open({ after, target: head.position, signal, readFailed })
      const feed = new EventFeed(this.#feedHost(`feed-${++this.#made}`, filter, options), reader, signal)
      this.#open.add(feed)
      return feed
    } catch (error) {
      seat.leave()
      throw error
    } finally {
      this.#opening--
    }
  }

  list(): readonly SubscriptionInfo[] {
    return Array.from(this.#open, (feed) => feed.info())
  }

  /** Returns the waiting events by name; feeds of one name are added up. */
  lag(): ReadonlyMap<string, number> {
    const lag = new Map<string, number>()
    for (const { name, lag: events } of this.#open) lag.set(name, (lag.get(name) ?? 0) + events)
    return lag
  }

  /** Returns the number of open feeds by name. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { name } of this.#open) counts.set(name, (counts.get(name) ?? 0) + 1)
    return counts
  }

  /** Lets readers take the events that the live buffers hold for them, for at most `timeoutMs`, and ends all feeds. */
  async drain(timeoutMs: number): Promise<void> {
    const open = [...this.#open]
    for (const feed of open) feed.finish()
    const ended = Promise.all(open.map((feed) => feed.ended))
    await within(timeoutMs, ended)
    for (const feed of open) feed.close()
  }

  #feedHost(
    id: string,
    filter: EventFilter,
    { name = id, subscriber = '' }: FeedOptions,
  ): ConstructorParameters<typeof EventFeed>[0] {
    const { metrics, now } = this.#host
    return {
      id,
      name,
      subscriber,
      filter,
      now,
      delivered: (events) => metrics.delivered(name, events),
      ended: (feed) => {
        this.#open.delete(feed)
        if (!Array.from(this.#open).some((other) => other.name === name)) metrics.forgetSubscription(name)
      },
    }
  }

  #readFailed(error: unknown): void {
    const { metrics, logger } = this.#host
    metrics.storageError('stream')
    if (performance.now() - this.#loggedAt < LOG_EVERY_MS) return
    this.#loggedAt = performance.now()
    logger.warn({ err: error, feeds: this.#open.size }, 'Streams cannot read the event log; retrying')
  }
}

function startOf({ after, from }: FeedOptions, { position, keptFrom }: LogHead): number {
  if (after === undefined) return from === 'beginning' ? Math.min(keptFrom - 1, position) : position
  if (after <= position) return after
  const message = `must not lie beyond the end of the log, ${position}, as ${after} does`
  throw invalid('feed options', [{ path: 'after', message }])
}
