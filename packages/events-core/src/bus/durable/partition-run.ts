import { setTimeout as sleep } from 'node:timers/promises'
import { EventsError } from '../../errors.ts'
import type { PublishedEvent, StoredEvent } from '../../event/event.ts'
import type { Changes, CommitResult, Commits } from '../../storage/contract/commit.ts'
import type { Failure } from '../../storage/contract/dead-letters.ts'
import type { HeldLease } from '../../storage/contract/leases.ts'
import type { PartitionState } from '../../storage/contract/subscriptions.ts'
import { within } from '../../within.ts'
import type { DeliveryQueue, DeliveryQueueOptions } from '../delivery/delivery-queue.ts'
import { type LogItem, type LogReader, storedEvents } from '../tail/log-reader.ts'
import { PausableReader } from '../tail/pausable-reader.ts'
import { Signal } from '../tail/signal.ts'
import type { LeaseHolder } from '../workers/lease-holder.ts'
import type { BusHost } from '../workers/worker.ts'
import { MissedEvents } from './missed-events.ts'
import { PositionTracker } from './position-tracker.ts'

/** The parts of a partition that do not depend on the lease. */
export interface PartitionOptions extends Pick<BusHost, 'metrics' | 'logger'> {
  readonly name: string
  /** Opens a reader of the log after a position. */
  readonly read: (after: number, signal: Signal) => LogReader
  /** Returns whether an event belongs to this partition. */
  readonly isOwn: (event: PublishedEvent) => boolean
  /** Creates the queue that delivers events to the handler. */
  readonly createQueue: (hooks: Pick<DeliveryQueueOptions, 'mayStart' | 'finished'>) => DeliveryQueue
  readonly partition: number
  readonly commit: Commits['commit']
  /** Describes an event that the handler failed to handle. */
  readonly failureOf: (event: StoredEvent, error: unknown) => Failure
  /** Called at each renewal while the partition is not paused. */
  readonly renewed: () => void
  /** The interval at which the position is saved while it advances. */
  readonly checkpointMs: number
  /** The time after which a call counts as hung. */
  readonly handlerTimeoutMs: number
  /** The maximum number of events that wait for the handler. */
  readonly queueEvents: number
}

const RETRY_MS = 250
/** Bounds the last save: a store that does not answer must not hold up a stop. */
const FINAL_SAVE_MS = 1_000

/**
 * Runs a partition while its lease is held: reads from the saved position on, passes events to the handler in order, and
 * saves the position up to which all are handled.
 *
 * - running: entered at the start. Reads and handles events, unless the subscription is paused.
 * - leaving: entered by `stop`, or when another process claims the partition. No new call is begun, and the lease is kept
 *   until the calls under way have ended.
 * - ended: entered from leaving, and from anywhere when the lease is lost. Never left: the next holder of the lease handles
 *   again whatever was not saved.
 */
export class PartitionRun {
  readonly #options: PartitionOptions
  readonly #lease: LeaseHolder
  readonly #tracker: PositionTracker
  readonly #queue: DeliveryQueue
  readonly #missed: MissedEvents
  readonly #read = new Signal()
  readonly #save = new Signal()
  /** Unhandled events, by position. */
  readonly #open = new Map<number, StoredEvent>()
  readonly #reader: PausableReader
  #paused: boolean
  #savedPosition: number
  #savedAt = performance.now()
  #state: 'running' | 'leaving' | 'ended' = 'running'
  #progressedAt = performance.now()
  /** The calls that were still running when the lease was lost. */
  #abandoned: Promise<void> | undefined
  readonly #stopped = Promise.withResolvers<void>()

  /** @param from the partition's state when the lease was acquired */
  constructor(options: PartitionOptions, lease: LeaseHolder, { position, paused }: PartitionState) {
    this.#options = options
    this.#lease = lease
    this.#tracker = new PositionTracker(position)
    this.#savedPosition = position
    this.#paused = paused
    this.#missed = new MissedEvents(options)
    this.#reader = new PausableReader(options.read, this.#read)
    this.#queue = options.createQueue({
      mayStart: () => this.mayHandle,
      finished: (event, error) => void this.#finished(event, error),
    })
  }

  get paused(): boolean {
    return this.#paused
  }

  /** The position up to which all events are handled. */
  get position(): number {
    this.#examineIdly()
    return this.#tracker.handled
  }

  /** True while the handler may be called for this partition. */
  get mayHandle(): boolean {
    return this.#state === 'running' && !this.#paused && this.#lease.isValid
  }

  /** Shows the store that this process runs the partition. */
  get lease(): HeldLease {
    return this.#lease.held
  }

  get inFlight(): number {
    return this.#queue.inFlight
  }

  /** Returns whether the partition has work but has made no progress for so long. */
  isStalled(forMs: number): boolean {
    const isIdle = this.#open.size === 0 && this.#reader.isIdle
    return !isIdle && !this.#paused && performance.now() - this.#progressedAt >= forMs
  }

  /** Resolves when the lease is lost or `stop` was called, and no call is running that the next run could overlap. */
  async run(): Promise<void> {
    await Promise.all([this.#readOn(), this.#keepLease()])
    this.#reader.close()
    await within(this.#options.handlerTimeoutMs, Promise.race([this.#abandoned, this.#stopped.promise]))
  }

  /** Renews the lease now, since the subscription was paused, resumed, reset or deleted. */
  renewNow(): void {
    this.#savedAt = Number.NEGATIVE_INFINITY
    this.#save.notify()
  }

  /**
   * Accepts no more events, waits for running calls, saves the position and releases the lease.
   * @returns the number of calls still running after the timeout
   */
  async stop(timeoutMs: number): Promise<number> {
    // State first: an event that fails because of the stop must be handled again, not become a dead letter.
    if (this.#state === 'running') this.#enter('leaving')
    this.#read.notify()
    this.#queue.clear()
    await this.#queue.idle(timeoutMs)
    const left = this.#queue.inFlight
    this.#end()
    this.#cancel(new EventsError('EVENTS_NOT_RUNNING', 'The bus stopped before the handler settled'))
    this.#stopped.resolve()
    await within(FINAL_SAVE_MS, this.#saveAndRelease())
    return left
  }

  async #saveAndRelease(): Promise<void> {
    try {
      if ((await this.#commit()).committed) await this.#lease.release()
    } catch (error) {
      const message = 'Cannot save the last checkpoint; some events will be handled again'
      this.#storageFailed('checkpoint', error, message)
    }
  }

  /** The only place that changes the state. */
  #enter(state: 'leaving' | 'ended'): void {
    if (this.#state !== 'ended') this.#state = state
  }

  #end(): void {
    this.#enter('ended')
    this.#read.notify()
    this.#save.notify()
  }

  async #readOn(): Promise<void> {
    while (this.#state === 'running') {
      if (this.#paused) this.#reader.close()
      if (!this.#hasRoom) await this.#read.wait()
      else {
        const item = await this.#reader.next(this.#tracker.examined)
        if (item !== undefined) this.#admit(item)
        // Reading counts as progress only while no event waits for the handler.
        if (this.#open.size === 0) this.#progressedAt = performance.now()
      }
    }
  }

  /** A page arrives as a whole, so it is read only when there is room for a good part of it. */
  get #hasRoom(): boolean {
    return !this.#paused && this.#queue.waiting + this.#queue.inFlight <= this.#options.queueEvents / 2
  }

  #admit(item: LogItem): void {
    this.#missed.note(item)
    for (const event of storedEvents(item)) this.#begin(event)
    this.#tracker.examine(item.position)
  }

  #begin(event: StoredEvent): void {
    if (!this.#options.isOwn(event)) return
    this.#tracker.begin(event.position)
    this.#open.set(event.position, event)
    this.#queue.push(event)
  }

  /** Events that do not match wake no reader, so the reader is asked for its position. */
  #examineIdly(): void {
    const position = this.#reader.idlePosition
    if (position !== undefined) this.#tracker.examine(position)
  }

  /** Renews the lease in time, and saves the position soon after it advances. */
  async #keepLease(): Promise<void> {
    while (this.#state !== 'ended') {
      await this.#save.wait(Math.min(this.#options.checkpointMs, this.#lease.renewalMs))
      if (this.#hasEnded) return
      try {
        await this.#renewIfDue()
      } catch (error) {
        this.#storageFailed('checkpoint', error, 'Cannot save a checkpoint; retrying')
      }
    }
  }

  async #renewIfDue(): Promise<void> {
    this.#examineIdly()
    const { handled } = this.#tracker
    const missed = this.#missed.unsaved
    const isDue = performance.now() - this.#savedAt >= this.#lease.renewalMs
    if (handled === this.#savedPosition && missed === undefined && !isDue) return
    const saved = await this.#commit()
    if (!saved.committed) return this.#lose()
    this.#missed.saved(missed)
    this.#savedAt = performance.now()
    this.#savedPosition = handled
    const isChanged = this.#paused !== saved.paused
    this.#paused = saved.paused
    if (isChanged) this.#read.notify()
    if (saved.lease.claimed && this.#state === 'running') void this.stop(this.#options.handlerTimeoutMs)
    if (this.#paused) return
    this.#options.renewed()
    this.#queue.resume()
  }

  // A getter: otherwise TypeScript would assume that a check before an `await` still holds.
  get #hasEnded(): boolean {
    return this.#state === 'ended'
  }

  /** Saves the position up to which all events are handled, with further changes. */
  #commit(changes: Changes = {}): Promise<CommitResult> {
    const { name, partition, commit } = this.#options
    const missed = this.#missed.unsaved
    const checkpoint = { name, partition, position: this.#tracker.handled, ...(missed && { missed }) }
    return this.#lease.commit(commit, { checkpoint, ...changes })
  }

  #lose(): void {
    if (this.#hasEnded) return
    this.#end()
    this.#queue.clear()
    this.#cancel(
      new EventsError('EVENTS_LEASE_LOST', `Another process has taken over '${this.#options.name}'`),
    )
  }

  #cancel(reason: EventsError): void {
    this.#abandoned ??= this.#queue.cancel(reason)
  }

  async #finished(event: PublishedEvent, error: unknown): Promise<void> {
    const { position } = event
    const stored = position === undefined ? undefined : this.#open.get(position)
    if (stored === undefined) return
    // While the partition is leaving, no more calls are made, so this may not have been the last attempt.
    if (error !== undefined && (this.#state !== 'running' || !(await this.#park(stored, error)))) return
    this.#open.delete(stored.position)
    this.#progressedAt = performance.now()
    this.#tracker.finish(stored.position)
    if (this.#hasRoom) this.#read.notify()
  }

  /** Retries until the dead letter is stored, so that its position stays open. Returns false if the run ends first. */
  async #park(event: StoredEvent, error: unknown): Promise<boolean> {
    const failures = [this.#options.failureOf(event, error)]
    while (!this.#hasEnded) {
      try {
        if ((await this.#commit({ failures })).committed) return true
        this.#lose()
      } catch (failure) {
        this.#storageFailed('park', failure, 'Cannot store a dead letter; retrying')
        await sleep(RETRY_MS)
      }
    }
    return false
  }

  #storageFailed(operation: string, error: unknown, message: string): void {
    this.#options.metrics.storageError(operation)
    this.#options.logger.warn({ err: error, subscription: this.#options.name }, message)
  }
}
