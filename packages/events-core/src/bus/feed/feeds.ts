import { checkOptions, integer, type OptionRule, oneOf, text } from '../../check-options.ts'
import { invalid } from '../../errors.ts'
import type { PublishedEvent } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { EventMetrics } from '../../metrics/metrics.ts'
import type { EventLog, LogHead } from '../../storage/contract/storage.ts'
import { within } from '../../within.ts'
import type { Logger, SubscriptionInfo } from '../api.ts'
import { nameRule } from '../delivery/settings.ts'
import { Dispatcher } from '../tail/dispatcher.ts'
import { EventFeed } from './event-feed.ts'
import type { FeedOptions } from './feed-item.ts'
import { LiveWindow } from './live-buffer.ts'

export interface FeedsHost {
  readonly storage: Pick<EventLog, 'read' | 'head'>
  readonly metrics: EventMetrics
  readonly logger: Logger
  readonly now: () => number
  /** The last position that was dispatched. */
  readonly dispatched: () => number
}

const RULES: Readonly<Record<keyof FeedOptions, OptionRule>> = {
  after: integer(0),
  from: oneOf('beginning', 'now'),
  name: nameRule,
  subscriber: text(256),
}

/** A store that is away fails every feed's read: it is logged once in so many milliseconds. */
const LOG_EVERY_MS = 5_000

/** The feeds of one bus, and the windows that they share: one for each filter that has any. */
export class Feeds {
  readonly #host: FeedsHost
  readonly #dispatcher = new Dispatcher()
  readonly #windows = new Map<string, LiveWindow>()
  readonly #open = new Set<EventFeed>()
  #made = 0
  #loggedAt = Number.NEGATIVE_INFINITY

  constructor(host: FeedsHost) {
    this.#host = host
  }

  /** How many there are, those that are being opened included. */
  get size(): number {
    let members = 0
    for (const window of this.#windows.values()) members += window.members
    return members
  }

  /** @throws EventsError EVENTS_INVALID for a wrong option or a position beyond the log; EVENTS_STORAGE_* */
  async open(filter: EventFilter, options: FeedOptions): Promise<EventFeed> {
    checkOptions('feed options', options, RULES)
    const key = keyOf(filter)
    // Live comes first: what is appended while the log's end is asked for is in the window already.
    const window = this.#join(key, filter)
    const place = window.end
    try {
      const head = await this.#host.storage.head()
      const after = startOf(options, head)
      const id = `feed-${++this.#made}`
      const host = this.#feedHost(id, filter, window, options, () => this.#leave(key, window))
      const feed = new EventFeed(host, place, after, head.position)
      this.#open.add(feed)
      return feed
    } catch (error) {
      window.members--
      this.#leave(key, window)
      throw error
    }
  }

  dispatch(event: PublishedEvent): void {
    this.#dispatcher.dispatch(event)
  }

  list(): readonly SubscriptionInfo[] {
    return Array.from(this.#open, (feed) => feed.info())
  }

  /** What waits, by name; feeds of one name are added up. */
  lag(): ReadonlyMap<string, number> {
    const lag = new Map<string, number>()
    for (const { name, lag: events } of this.#open) lag.set(name, (lag.get(name) ?? 0) + events)
    return lag
  }

  /** How many are open, by name. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { name } of this.#open) counts.set(name, (counts.get(name) ?? 0) + 1)
    return counts
  }

  /** Lets readers take what their windows hold, for so long at the most, and ends all feeds. */
  async drain(timeoutMs: number): Promise<void> {
    const open = [...this.#open]
    for (const feed of open) feed.finish()
    const ended = Promise.all(open.map((feed) => feed.ended))
    await within(timeoutMs, ended)
    for (const feed of open) feed.close()
  }

  #join(key: string, filter: EventFilter): LiveWindow {
    const known = this.#windows.get(key)
    const { storage, dispatched } = this.#host
    const window = known ?? new LiveWindow({ log: storage, filter, covers: dispatched() })
    window.members++
    if (known !== undefined) return known
    this.#windows.set(key, window)
    this.#dispatcher.add(window)
    return window
  }

  #leave(key: string, window: LiveWindow): void {
    if (window.members > 0) return
    this.#dispatcher.remove(window)
    this.#windows.delete(key)
  }

  #feedHost(
    id: string,
    filter: EventFilter,
    window: LiveWindow,
    { name = id, subscriber = '' }: FeedOptions,
    left: () => void,
  ): ConstructorParameters<typeof EventFeed>[0] {
    const { metrics, now, dispatched } = this.#host
    return {
      id,
      name,
      subscriber,
      filter,
      window,
      now,
      dispatched,
      delivered: (events) => metrics.delivered(name, events),
      readFailed: (error) => this.#readFailed(error),
      ended: (feed) => {
        this.#open.delete(feed)
        left()
        if (!Array.from(this.#open).some((other) => other.name === name)) metrics.forgetSubscription(name)
      },
    }
  }

  #readFailed(error: unknown): void {
    const { metrics, logger } = this.#host
    metrics.storageError('stream')
    if (performance.now() - this.#loggedAt < LOG_EVERY_MS) return
    this.#loggedAt = performance.now()
    logger.warn({ err: error, feeds: this.#open.size }, 'Streams cannot read the log; trying again')
  }
}

function startOf({ after, from }: FeedOptions, { position, keptFrom }: LogHead): number {
  if (after === undefined) return from === 'beginning' ? Math.min(keptFrom - 1, position) : position
  if (after <= position) return after
  const message = `must not lie beyond the end of the log, ${position}, as ${after} does`
  throw invalid('feed options', [{ path: 'after', message }])
}

/** The same for filters that say the same in the same words, in whatever order. */
function keyOf(filter: EventFilter): string {
  return JSON.stringify(Object.entries(filter).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
