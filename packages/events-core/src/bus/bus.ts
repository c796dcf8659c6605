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
 * Accepts events, stores them in one order, and delivers them to subscribers.
 *
 * `LifeCycle` defines its states; a stopped bus can be started again. Subscriptions may be created before the start and end
 * with the stop. All other methods fail with EVENTS_NOT_RUNNING while the bus is not running.
 */
export class EventBus<M = EventTypes> {
  readonly #settings: BusSettings
  readonly #parts: BusParts
  /** Lists, pauses, resumes, resets, renames and deletes durable subscriptions, whichever process runs them. */
  readonly durable: DurableSubscriptions
  /** Lists, retries and deletes the events that handlers of durable subscriptions failed to handle. */
  readonly deadLetters: DeadLetters
  readonly #life: LifeCycle

  /** @throws EventsError EVENTS_INVALID for an unknown option or an invalid value */
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

  /** The documents that features, such as jobs, keep in the store. @throws EventsError EVENTS_NOT_RUNNING */
  get documents(): DocumentStore {
    return this.#openStorage().documents
  }

  /**
   * Opens the store and begins to accept events. Does nothing if the bus already runs.
   * @throws EventsError EVENTS_STORAGE_* if the store cannot be opened; the bus may be started again
   */
  async start(): Promise<void> {
    await this.#life.start()
  }

  /**
   * Accepts no more events, writes the accepted ones, lets handlers finish the waiting ones, ends all subscriptions and
   * closes the store. The report lists what was not done within `timeoutMs` (10,000 by default). Always settles; a call
   * during a stop joins that stop and gets its report.
   */
  async stop(options: { readonly timeoutMs?: number } = {}): Promise<StopReport> {
    checkOptions('stop options', options, { timeoutMs: integer(0, MAX_TIMER_MS) })
    return this.#life.stop(options.timeoutMs ?? DEFAULT_STOP_MS)
  }

  /**
   * Resolves once the event is stored. Waits up to `publishTimeoutMs` while the store is behind or unavailable.
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

  /** Publishes up to 10,000 events like `publish`: all of them are stored, or none. */
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
   * Accepts the event and returns its id at once. A later loss, by overflow or because the store stays unavailable until
   * the bus stops, is counted and logged.
   * @throws EventsError EVENTS_INVALID, EVENTS_NOT_RUNNING; EVENTS_BUFFER_FULL with `overflow: 'reject'`
   */
  publishAsync<T extends string>(input: EventInput<T, M>): string {
    const running = this.#live()
    const draft = running.prepare(draftEvent(input, this.#settings, this.#settings.now()))
    running.writes.offer(draft)
    return draft.event.id
  }

  /**
   * Calls `handler` with each matching event, in order: from now on or, with `durable`, from the checkpoint of the
   * subscription of that name.
   * @throws EventsError EVENTS_INVALID for an invalid filter or option; with `durable` EVENTS_CONFLICT, EVENTS_STORAGE_*
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
    // The filter passes only events of the handler's types; the payload's shape is as the publisher declared it.
    const [handle, settings] = [handler as EventHandler, options as SubscribeOptions]
    checkOptions('subscribe', { handler: handler ?? null }, { handler: func })
    return this.#subscribe(selectedFilter(select), inCallerContext(handle), settings)
  }

  /**
   * Runs background work on the bus: from now on or, if the bus does not run yet, from its start on.
   * @throws EventsError EVENTS_INVALID; EVENTS_CONFLICT if a worker of that name runs here; whatever `worker.start` throws
   */
  async run(worker: BusWorker): Promise<RunningWorker> {
    checkOptions('run', { worker }, { worker: workerProblem })
    await this.#life.started()
    await this.#parts.workers.add(worker)
    return {
      stop: (timeoutMs = DEFAULT_STOP_MS) => this.#parts.workers.remove(worker, timeoutMs),
    }
  }

  /** Returns the subscriptions of this process, including durable ones. */
  subscriptions(): readonly SubscriptionInfo[] {
    return [
      ...this.#parts.subscriptions.list(),
      ...this.#parts.workers.subscriptions(),
      ...(this.#life.running?.feeds.list() ?? []),
    ]
  }

  /**
   * Returns the matching events from a position on: history, then live, each once and in order, however slow the reader is.
   * Ends when the bus stops, when `signal` aborts, and at once when the reader ends it, even while a `next` call waits.
   * @throws EventsError EVENTS_INVALID, also for an `after` beyond the log; EVENTS_STORAGE_*, EVENTS_NOT_RUNNING
   */
  stream(filter: EventFilter, options: StreamOptions = {}): AsyncGenerator<PublishedEvent, void> {
    const { logger } = this.#settings
    return new EventStream((feedOptions) => this.feed(filter, feedOptions), options, logger)
  }

  /** Opens the feed below `stream`: events in arrays, with notices between them. The caller must close it. */
  async feed(filter: EventFilter, options: FeedOptions = {}): Promise<EventFeed> {
    return this.#live().feeds.open(validateFilter(filter), options)
  }

  /**
   * Returns a page of stored events, newest first by default.
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

  /** Returns the parts of a log cursor: the store's epoch and the last position assigned. */
  async head(): Promise<LogHead> {
    return this.#openStorage().head()
  }

  /** Deletes an event. Returns false if there is no such event. */
  async delete(id: string): Promise<boolean> {
    return this.#openStorage().delete(id)
  }

  /** Deletes the matching events and returns their number. Events that were deleted before an abort stay deleted. */
  async deleteMatching(filter: EventFilter, options: CallOptions = {}): Promise<number> {
    return this.#asked(options).deleteMatching(validateFilter(filter), options)
  }

  /** Removes every event that was stored before the call and returns their number. Positions continue. */
  async clear(): Promise<number> {
    return this.#openStorage().clear()
  }

  /** Returns the known types and those of stored events, sorted. */
  async types(options: CallOptions = {}): Promise<readonly string[]> {
    return typeNames(this.#asked(options), this.#settings.registry, options)
  }

  async stats(options: CallOptions = {}): Promise<BusStats> {
    return readStats(this.#asked(options), this.subscriptions().length, options)
  }

  /** Checks the bus, its store and its workers. Never fails: it reports a store that does not answer. */
  async health(): Promise<BusHealth> {
    return checkHealth(healthFacts(this.#parts, this.#life.running))
  }

  async #subscribe(filter: EventFilter, handler: EventHandler, options: SubscribeOptions) {
    if (options.durable !== undefined)
      return this.#subscribeDurably(filter, handler, durableSettings(options.durable, options))
    await this.#life.started()
    // "From now on" begins with the events that any process appends after this call.
    if (this.#parts.subscriptions.size === 0)
      await this.#life.running?.tail.settle(this.#settings.publishTimeoutMs)
    return this.#parts.subscriptions.add(filter, handler, options)
  }

  async #subscribeDurably(filter: EventFilter, handler: EventHandler, settings: DurableSettings) {
    // Loaded on first use, as many buses have none, and before `#state` is read, as the bus may start meanwhile.
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

/** @throws EventsError EVENTS_INVALID for an unknown option or an invalid value */
export function createEventBus<M = EventTypes>(options: EventBusOptions = {}): EventBus<M> {
  return new EventBus<M>(options)
}
