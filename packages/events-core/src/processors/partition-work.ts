import { MissedEvents } from '../bus/durable/missed-events.ts'
import { type LogItem, storedEvents } from '../bus/tail/log-reader.ts'
import type { BusHost } from '../bus/workers/worker.ts'
import type { StoredEvent } from '../event/event.ts'
import type { StateSize } from '../storage/contract/keyed-state.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { PartitionKey, PartitionState } from '../storage/contract/subscriptions.ts'
import { Batch } from './batch.ts'
import type { Committer } from './committer.ts'
import { LogTime, recordedMs } from './log-time.ts'
import type { ProcessorSettings } from './processor.ts'
import { StateBounds, type StateFigures } from './state-bounds.ts'
import { StateCache } from './state-cache.ts'
import { type EventKeys, StepRunner, stateKeys } from './step-runner.ts'
import { Timers } from './timers.ts'

export interface PartitionWorkOptions {
  readonly settings: ProcessorSettings
  readonly partition: PartitionKey
  readonly host: BusHost
  readonly storage: EventStorage
  readonly committer: Committer
  /** Whether to go on; asked between calls. */
  readonly isWanted: () => boolean
}

/** What is told of a partition, in health and metrics. */
export interface ProcessorFigures extends StateFigures {
  /** Calls that failed. */
  readonly errors: number
}

const COMMIT_MS = 250
const ASK_AGAIN_MS = 25
const MAX_TIME_MS = 8.64e15
/** The store's clock is a guess: what it has reached for sure is a little less. */
const CLOCK_GUARD_MS = 50

/**
 * The work on a partition from where the store has it. Events and timers are called in the order of the log, and what they did
 * is committed. When a commit or a call fails, all of this is thrown away and loaded anew.
 */
export class PartitionWork {
  readonly #options: PartitionWorkOptions
  readonly #missed: MissedEvents
  readonly #time: LogTime
  readonly #timers = new Timers()
  readonly #cache: StateCache
  readonly #batch: Batch
  readonly #steps: StepRunner
  #position: number
  readonly #bounds: StateBounds
  #events: number
  #lastRunMs: number | undefined
  #paused: boolean
  #isClaimed = false
  /** `performance.now()` before which the store's clock is not asked again. */
  #askClockAt = 0
  /** Whether this process's clock was found to be ahead of the store's. */
  #isClockAhead = false

  private constructor(
    options: PartitionWorkOptions,
    { position, paused }: PartitionState,
    size: StateSize,
    before: PartitionWork | undefined,
  ) {
    const { settings, host } = options
    this.#options = options
    this.#time = new LogTime(host.clock)
    this.#missed = new MissedEvents({ ...host, name: settings.name })
    this.#cache = new StateCache(settings.cacheKeys)
    this.#batch = new Batch(this.#cache, this.#timers)
    this.#steps = new StepRunner({ ...options, batch: this.#batch, timers: this.#timers }, before?.steps)
    this.#position = position
    this.#paused = paused
    this.#bounds = new StateBounds(options, size, before === undefined ? undefined : before.#bounds)
    this.#events = before?.events ?? 0
    this.#lastRunMs = before?.lastRunMs
    options.committer.begin(position)
  }

  /**
   * Reads where the partition stands.
   * @param before whose counts and refused calls go on
   * @returns undefined when the subscription is gone
   * @throws EventsError EVENTS_STORAGE_*
   */
  static async load(
    options: PartitionWorkOptions,
    before?: PartitionWork,
  ): Promise<PartitionWork | undefined> {
    const { storage, partition, settings } = options
    const states = await storage.subscriptions.list(partition.name)
    const own = states.find((state) => state.partition === partition.partition)
    if (own === undefined) return undefined
    const size = await storage.state.size(partition)
    const work = new PartitionWork(options, own, size, before)
    if (size.keys <= Math.min(settings.cacheKeys, work.#bounds.keysAtOnce))
      work.#cache.loadAll(await storage.state.oldest(partition, size.keys))
    return work
  }

  /** The last position that was handled or passed over. */
  get position(): number {
    return this.#position
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Whether another process asks for the partition. */
  get isClaimed(): boolean {
    return this.#isClaimed
  }

  get steps(): StepRunner {
    return this.#steps
  }

  get figures(): ProcessorFigures {
    return {
      ...this.#bounds.figures,
      errors: this.#steps.errors,
    }
  }

  /** Events that were handled and committed. */
  get events(): number {
    return this.#events
  }

  /** When calls were last committed, in milliseconds since 1970. */
  get lastRunMs(): number | undefined {
    return this.#lastRunMs
  }

  /** Calls since the last commit. */
  get calls(): number {
    return this.#batch.calls
  }

  get hasOutputs(): boolean {
    return this.#batch.hasOutputs
  }

  /** How long nothing is to be done unless events come. */
  get idleMs(): number {
    const commitMs =
      this.#batch.calls > 0 ? Math.max(0, COMMIT_MS - this.#batch.ageMs) : Number.POSITIVE_INFINITY
    const nextDue = Math.min(this.#timers.nextDue, this.#timers.horizonMs)
    const askMs = Math.max(this.#askClockAt - performance.now(), nextDue - this.#time.storeClock)
    return Math.max(1, Math.min(commitMs, Math.max(1, askMs), this.#options.host.pollIntervalMs))
  }

  /** Handles the events of an item of the log. @throws StepTimeout; Refused; EventsError EVENTS_STORAGE_* */
  async admit(item: LogItem): Promise<void> {
    this.#missed.note(item)
    const events = storedEvents(item).filter(({ position }) => position > this.#position)
    for (let at = 0; at < events.length && this.#options.isWanted(); ) {
      const keys = this.#steps.keysOf(events.slice(at, at + this.#bounds.keysAtOnce))
      await this.#loadStates(stateKeys(keys))
      at += await this.#stepAll(keys)
    }
    if (this.#options.isWanted()) this.examine(item.position)
  }

  /** @returns how many events are done: all of them, unless it ended before */
  async #stepAll(keys: EventKeys): Promise<number> {
    const events = [...keys.keys()]
    let at = 0
    while (this.#options.isWanted()) {
      const event = events[at]
      if (event === undefined) break
      await this.#callDue(recordedMs(event))
      // Calls of timers may have made room in the cache.
      await this.#loadStates(stateKeys(keys))
      const done = this.#steps.steps(events.slice(at), keys, () => this.isFull)
      at += done
      const last = events[at - 1]
      if (done > 0 && last !== undefined) this.#handled(last)
      if (this.isFull) await this.commit()
      await this.#steps.yield()
    }
    return at
  }

  #handled(event: StoredEvent): void {
    this.#position = event.position
    this.#time.reach(recordedMs(event))
  }

  /** Notes that nothing up to a position is left to be handled. */
  examine(position: number): void {
    this.#position = Math.max(this.#position, position)
    this.#time.examine(this.#position)
  }

  /** Calls the timers that are due by the time of the log, as far as it was examined. */
  callDue(): Promise<void> {
    return this.#callDue(this.#time.now)
  }

  async #callDue(untilMs: number): Promise<void> {
    while (this.#options.isWanted()) {
      if (!this.#timers.knows(untilMs)) await this.#loadTimers()
      const keys = this.#timers.next(this.#bounds.keysAtOnce, untilMs)
      if (keys.length === 0) return
      await this.#loadStates(new Set(keys))
      this.#steps.timers(untilMs, this.#position, () => this.isFull)
      if (this.isFull) await this.commit()
      await this.#steps.yield()
    }
  }

  /** The store knows all timers only when all is committed. */
  async #loadTimers(): Promise<void> {
    const { storage, partition } = this.#options
    if (!this.#batch.isEmpty) await this.commit()
    const limit = 2 * this.#bounds.keysAtOnce
    this.#timers.load(await storage.state.due(partition, MAX_TIME_MS, limit), limit)
  }

  /** Loads the state of those keys that are not in memory. */
  async #loadStates(keys: ReadonlySet<string>): Promise<void> {
    const { storage, partition } = this.#options
    const missing = Array.from(keys).filter((key) => !this.#batch.knows(key))
    if (missing.length > 0) this.#cache.load(missing, await storage.state.read(partition, missing))
  }

  /** Whether it is time for a commit. */
  get isFull(): boolean {
    const limit = this.#options.committer.isIsolating ? 1 : this.#options.settings.batchEvents
    return this.#batch.calls >= limit || this.#batch.isLarge || this.#batch.ageMs >= COMMIT_MS
  }

  /**
   * Moves log time by the store's clock while no events come. A commit ensures that nothing was appended behind what was
   * examined, and that nothing is recorded before that time from now on.
   */
  async moveTime(isRenewal: boolean): Promise<void> {
    if (!this.#timers.knows(this.#time.storeClock)) await this.#loadTimers()
    const { nextDue } = this.#timers
    const now = performance.now()
    if (nextDue === Number.POSITIVE_INFINITY || now < this.#askClockAt) return
    const { host, storage } = this.#options
    // This process's clock may be wrong: now and then the store is asked all the same.
    if (nextDue > this.#time.storeClock && !isRenewal) return
    // With one that is ahead, only what is due next is asked for.
    const guessMs = this.#isClockAhead ? 0 : Math.floor(this.#time.storeClock) - CLOCK_GUARD_MS
    const reachedMs = Math.max(nextDue, guessMs)
    if (this.#batch.calls > 0) await this.commit()
    this.#askClockAt = now + host.pollIntervalMs
    const refusal = await this.#options.committer.reach({ head: this.#position, reachedMs })
    if (refusal === undefined) this.#time.reach(reachedMs)
    if (refusal === undefined) this.#askClockAt = 0
    if (refusal === 'too_early') this.#isClockAhead = true
    if (refusal === 'log_grew') await this.#markNewest(storage)
  }

  /** What was appended may not match, so that only its position and time tell how far the log is. */
  async #markNewest(storage: EventStorage): Promise<void> {
    const { events } = await storage.list({ order: 'desc', limit: 1, count: 'none' })
    const [newest] = events
    if (newest !== undefined) this.#time.mark(newest)
    this.#askClockAt = performance.now() + ASK_AGAIN_MS
  }

  /** Commits what was done, and makes room if there is too much state. @throws Refused; EventsError EVENTS_STORAGE_* */
  async commit(): Promise<void> {
    const { settings, host } = this.#options
    await this.#bounds.enforce(this.#batch)
    const { events, calls } = this.#batch
    const missed = this.#missed.unsaved
    const began = performance.now()
    const result = await this.#options.committer.commit(this.#batch, this.#position, missed)
    const outputs = this.#batch.outputs
    this.#bounds.grew(this.#batch.committed(performance.now() - began))
    this.#events += events
    if (calls > 0) this.#lastRunMs = host.clock()
    this.#missed.saved(missed)
    if (!this.#options.committer.isIsolating) this.#steps.forgetRefused()
    if (result.append !== undefined) host.stored(outputs, result.append)
    if (events > 0) host.metrics.delivered(settings.name, events)
    this.#paused = result.paused
    this.#isClaimed = result.lease.claimed
  }
}
