import type { EventTypeRegistry } from '../catalogue/registry.ts'
import { checkOptions, func, integer } from '../check-options.ts'
import { EventsError } from '../errors.ts'
import type { EventInput, EventTypes, PublishedEvent, StoredEvent } from '../event/event.ts'
import type { EventFilter } from '../filter/filter.ts'
import { selectedFilter, validateFilter } from '../filter/validate.ts'
import type { DocumentStore } from '../storage/contract/documents.ts'
import type {
  CallOptions,
  EventPage,
  EventQuery,
  EventStorage,
  LogHead,
} from '../storage/contract/storage.ts'
import type {
  BusHealth,
  BusStats,
  EventBusOptions,
  EventHandler,
  EventOf,
  PublishOptions,
  PublishReceipt,
  StopReport,
  SubscribeOptions,
  Subscription,
  SubscriptionInfo,
} from './api.ts'
import { inCallerContext } from './delivery/caller-context.ts'
import { type DurableSettings, durableSettings, MAX_TIMER_MS } from './delivery/settings.ts'
import { DeadLetters } from './durable/dead-letters.ts'
import { DurableSubscriptions } from './durable/subscriptions.ts'
import type { EventFeed } from './feed/event-feed.ts'
import type { FeedOptions } from './feed/feed-item.ts'
import { EventStream, type StreamOptions } from './feed/stream.ts'
import { checkHealth } from './health.ts'
import { LifeCycle } from './life-cycle.ts'
import { type BusParts, busParts } from './parts.ts'
import { draftEvent, draftEvents } from './publish/draft.ts'
import { checkCallOptions, validateQuery } from './publish/query.ts'
import { healthFacts, type RunningBus } from './running-bus.ts'
import { type BusSettings, busSettings, PUBLISH_RULES, workerProblem } from './settings.ts'
import { readStats, typeNames } from './stats.ts'
import { Sweeper } from './workers/sweeper.ts'
import type { BusWorker, RunningWorker } from './workers/worker.ts'

const DEFAULT_STOP_MS = 10_000
const NO_OPTIONS: PublishOptions = Object.freeze({})

/**
 * Takes events, stores them in one order, and brings them to subscribers.
 *
 * `LifeCycle` defines its states; a stopped bus can be started again. Subscriptions may be made before the start and end with
 * the stop. All other methods fail with EVENTS_NOT_RUNNING while it is not running.
 */
export class EventBus<M = EventTypes> {
  readonly #settings: BusSettings
  readonly #parts: BusParts
  /** Durable subscriptions: list, pause, resume, reset, rename and delete them, whichever process runs them. */
  readonly durable: DurableSubscriptions
  /** What handlers of durable subscriptions could not take: list, retry and delete it. */
  readonly deadLetters: DeadLetters
  readonly #life: LifeCycle

  /** @throws EventsError EVENTS_INVALID for an unknown option or a wrong value */
  constructor(options: EventBusOptions = {}) {
    this.#settings = busSettings(options)
    const openStorage = () => this.#openStorage()
    this.durable = new DurableSubscriptions(this.#settings, openStorage)
    this.deadLetters = new DeadLetters(openStorage, () => this.durable.changed(undefined))
    this.#parts = busParts(this.#settings, [this.durable, new Sweeper(this.#settings.sweepIntervalMs)])
    this.#life = new LifeCycle(this.#parts)
  }

  get running(): boolean {
    return this.#life.running !== undefined
  }

  get registry(): EventTypeRegistry {
    return this.#settings.givenRegistry
  }

  /** What features keep in the store, such as jobs. @throws EventsError EVENTS_NOT_RUNNING */
  get documents(): DocumentStore {
    return this.#openStorage().documents
  }

  /**
   * Opens the store and begins to take events. A bus that runs already stays as it is.
   * @throws EventsError EVENTS_STORAGE_* when the store cannot be opened; the bus may be started again
   */
  async start(): Promise<void> {
    await this.#life.start()
  }

  /**
   * Takes no more events, writes those it took, lets handlers finish what waits, ends all subscriptions and closes
   * the store. What could not be done within `timeoutMs` (10,000 by default) is in the report. It always settles; a stop
   * that is asked for while one is under way joins it and gets its report.
   */
  async stop(options: { readonly timeoutMs?: number } = {}): Promise<StopReport> {
    checkOptions('stop options', options, { timeoutMs: integer(0, MAX_TIMER_MS) })
    return this.#life.stop(options.timeoutMs ?? DEFAULT_STOP_MS)
  }

  /**
   * Resolves once the event is stored. When the store is behind or away it waits, for `publishTimeoutMs` at the most.
   * @throws EventsError EVENTS_INVALID, EVENTS_BUFFER_FULL, EVENTS_STORAGE_*, EVENTS_NOT_RUNNING; the signal's reason
   */
  async publish<T extends string>(
    input: EventInput<T, M>,
    options: PublishOptions = NO_OPTIONS,
  ): Promise<PublishReceipt> {
    if (options !== NO_OPTIONS) checkOptions('publish options', options, PUBLISH_RULES)
    const running = this.#live()
    const draft = running.prepare(draftEvent(input, this.#settings, this.#settings.now()))
    const receipts = await running.writes.write([draft], options)
    // One draft has one receipt.
    return receipts[0] as PublishReceipt
  }

  /** As `publish`, for up to 10,000 events that are stored together or not at all. */
  async publishMany<T extends string>(
    inputs: readonly EventInput<T, M>[],
    options: PublishOptions = {},
  ): Promise<readonly PublishReceipt[]> {
    checkOptions('publish options', options, PUBLISH_RULES)
    const running = this.#live()
    const { bufferBytes, now } = this.#settings
    const drafts = draftEvents(inputs, { ...this.#settings, maxBytes: bufferBytes }, now())
    for (const draft of drafts) running.prepare(draft)
    return drafts.length === 0 ? [] : running.writes.write(drafts, options)
  }

  /**
   * Takes the event and answers its id at once. A loss later on, by overflow or by a store that stays away until the
   * bus stops, is counted and logged.
   * @throws EventsError EVENTS_INVALID, EVENTS_NOT_RUNNING; EVENTS_BUFFER_FULL with `overflow: 'reject'`
   */
  publishAsync<T extends string>(input: EventInput<T, M>): string {
    const running = this.#live()
    const draft = running.prepare(draftEvent(input, this.#settings, this.#settings.now()))
    running.writes.offer(draft)
    return draft.event.id
  }

  /**
   * Has `handler` called with each matching event, in order: from now on or, with `durable`, from where the
   * subscription of that name left off.
   * @throws EventsError EVENTS_INVALID when the filter or an option is wrong; with `durable` EVENTS_CONFLICT, EVENTS_STORAGE_*
   */
  async subscribe<T extends keyof M & string>(
    types: T | readonly T[],
    handler: EventHandler<EventOf<M, T>>,
    options?: SubscribeOptions<EventOf<M, T>>,
  ): Promise<Subscription>
  async subscribe(
    select: string | readonly string[] | EventFilter,
    handler: EventHandler,
    options?: SubscribeOptions,
  ): Promise<Subscription>
  async subscribe(
    select: string | readonly string[] | EventFilter,
    handler: EventHandler<never>,
    options: SubscribeOptions<never> = {},
  ): Promise<Subscription> {
    // The filter lets only events through that the handler was typed for; the payload's shape is the publisher's word.
    const [handle, settings] = [handler as EventHandler, options as SubscribeOptions]
    checkOptions('subscribe', { handler: handler ?? null }, { handler: func })
    return this.#subscribe(selectedFilter(select), inCallerContext(handle), settings)
  }

  /**
   * Runs background work on the bus: from now on or, when it does not run yet, from its start on.
   * @throws EventsError EVENTS_INVALID; EVENTS_CONFLICT when a worker of that name runs here; what `worker.start` throws
   */
  async run(worker: BusWorker): Promise<RunningWorker> {
    checkOptions('run', { worker }, { worker: workerProblem })
    await this.#life.started()
    await this.#parts.workers.add(worker)
    return {
      stop: (timeoutMs = DEFAULT_STOP_MS) => this.#parts.workers.remove(worker, timeoutMs),
    }
  }

  /** Those of this process, durable ones too. */
  subscriptions(): readonly SubscriptionInfo[] {
    return [
      ...this.#parts.subscriptions.list(),
      ...this.#parts.workers.subscriptions(),
      ...(this.#life.running?.feeds.list() ?? []),
    ]
  }

  /**
   * The events that match, from a place in the log on: history, then live, each once and in order, however slow the
   * reader is. Ends with the bus, when `signal` aborts, and at once when its reader ends it, also one that waits.
   * @throws EventsError EVENTS_INVALID, also for an `after` beyond the log; EVENTS_STORAGE_*, EVENTS_NOT_RUNNING
   */
  stream(filter: EventFilter, options: StreamOptions = {}): AsyncGenerator<PublishedEvent, void> {
    const { logger } = this.#settings
    return new EventStream((feedOptions) => this.feed(filter, feedOptions), options, logger)
  }

  /** What `stream` is made of: events as they come together, with notices between them. To be closed when done. */
  async feed(filter: EventFilter, options: FeedOptions = {}): Promise<EventFeed> {
    return this.#live().feeds.open(validateFilter(filter), options)
  }

  /**
   * A page of stored events, newest first unless asked otherwise.
   * @throws EventsError EVENTS_INVALID, EVENTS_STORAGE_*, EVENTS_NOT_RUNNING; the signal's reason
   */
  async list(query: EventQuery, options: CallOptions = {}): Promise<EventPage> {
    return this.#asked(options).list(validateQuery(query), options)
  }

  async get(id: string): Promise<StoredEvent | undefined> {
    return this.#openStorage().get(id)
  }

  async count(filter: EventFilter = {}, options: CallOptions = {}): Promise<number> {
    return this.#asked(options).count(validateFilter(filter), options)
  }

  /** The store's epoch and the last position it gave out: what a cursor is made of. */
  async head(): Promise<LogHead> {
    return this.#openStorage().head()
  }

  /** Answers whether there was such an event. */
  async delete(id: string): Promise<boolean> {
    return this.#openStorage().delete(id)
  }

  /** Removes the events that match; answers how many there were. What was removed before an abort stays removed. */
  async deleteMatching(filter: EventFilter, options: CallOptions = {}): Promise<number> {
    return this.#asked(options).deleteMatching(validateFilter(filter), options)
  }

  /** Removes every event stored before the call; answers how many there were. Positions go on. */
  async clear(): Promise<number> {
    return this.#openStorage().clear()
  }

  /** The types that are known or that stored events have, sorted. */
  async types(options: CallOptions = {}): Promise<readonly string[]> {
    return typeNames(this.#asked(options), this.#settings.registry, options)
  }

  async stats(options: CallOptions = {}): Promise<BusStats> {
    return readStats(this.#asked(options), this.subscriptions().length, options)
  }

  /** Never fails: a store that cannot be asked is what it reports. */
  async health(): Promise<BusHealth> {
    return checkHealth(healthFacts(this.#parts, this.#life.running))
  }

  async #subscribe(filter: EventFilter, handler: EventHandler, options: SubscribeOptions) {
    if (options.durable !== undefined)
      return this.#subscribeDurably(filter, handler, durableSettings(options.durable, options))
    await this.#life.started()
    // "From now on" begins with what is appended after this call, by whichever process.
    if (this.#parts.subscriptions.size === 0)
      await this.#life.running?.tail.settle(this.#settings.publishTimeoutMs)
    return this.#parts.subscriptions.add(filter, handler, options)
  }

  async #subscribeDurably(filter: EventFilter, handler: EventHandler, settings: DurableSettings) {
    // Loaded at its first use, since many buses have none; before the bus is looked at, which may start meanwhile.
    const { DurableSubscription } = await import('./durable/subscription.ts')
    await this.#life.started()
    return this.durable.add(
      settings.name,
      (id, host) => new DurableSubscription(id, filter, handler, settings, host),
    )
  }

  #live(): RunningBus {
    if (this.#life.running === undefined) {
      throw new EventsError('EVENTS_NOT_RUNNING', 'The event bus is not running: call start() first')
    }
    return this.#life.running
  }

  #asked(options: CallOptions): EventStorage {
    checkCallOptions(options)
    return this.#openStorage()
  }

  #openStorage(): EventStorage {
    this.#live()
    return this.#settings.storage
  }
}

/** @throws EventsError EVENTS_INVALID for an unknown option or a wrong value */
export function createEventBus<M = EventTypes>(options: EventBusOptions = {}): EventBus<M> {
  return new EventBus<M>(options)
}
