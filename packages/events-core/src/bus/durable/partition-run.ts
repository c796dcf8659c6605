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

/** What a partition works with, whoever has its lease. */
export interface PartitionOptions extends Pick<BusHost, 'metrics' | 'logger'> {
  readonly name: string
  /** Opens a reader of the log behind a position. */
  readonly read: (after: number, signal: Signal) => LogReader
  /** Whether an event belongs to this partition. */
  readonly isOwn: (event: PublishedEvent) => boolean
  /** Makes the queue that brings events to the handler. */
  readonly createQueue: (hooks: Pick<DeliveryQueueOptions, 'mayStart' | 'finished'>) => DeliveryQueue
  readonly partition: number
  readonly commit: Commits['commit']
  /** Describes an event that the handler could not take. */
  readonly failureOf: (event: StoredEvent, error: unknown) => Failure
  /** Called at each renewal while the partition is not paused. */
  readonly renewed: () => void
  /** How often the position is saved while it moves. */
  readonly checkpointMs: number
  /** After which a call counts as hung. */
  readonly handlerTimeoutMs: number
  /** Events that may wait for the handler. */
  readonly queueEvents: number
}

const RETRY_MS = 250
/** A store that does not answer must not hold up a stop. */
const FINAL_SAVE_MS = 1_000

/**
 * Runs a partition for as long as its lease holds: reads on from the saved position, hands events to the handler in
 * order, and saves how far all is handled.
 *
 * - running: entered at the start. Events are read and handled, unless the subscription is paused.
 * - leaving: entered by `stop`, or when another process claims the partition. Nothing new is begun, and the lease is kept
 *   until the calls under way are done.
 * - ended: entered from leaving, and from anywhere when the lease is lost. Never left: what was not saved comes again, to
 *   whichever process has the lease next.
 */
export class PartitionRun {
  readonly #options: PartitionOptions
  readonly #lease: LeaseHolder
  readonly #tracker: PositionTracker
  readonly #queue: DeliveryQueue
  readonly #missed: MissedEvents
  readonly #read = new Signal()
  readonly #save = new Signal()
  /** Events that are not handled yet, by position. */
  readonly #open = new Map<number, StoredEvent>()
  readonly #reader: PausableReader
  #paused: boolean
  #savedPosition: number
  #savedAt = performance.now()
  #state: 'running' | 'leaving' | 'ended' = 'running'
  #progressedAt = performance.now()
  /** Calls that went on when the lease was lost. */
  #abandoned: Promise<void> | undefined
  readonly #stopped = Promise.withResolvers<void>()

  /** @param from where the partition stood when the lease was acquired */
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

  /** The last position up to which all is handled. */
  get position(): number {
    this.#examineIdly()
    return this.#tracker.handled
  }

  /** Whether handlers may be called on its behalf. */
  get mayHandle(): boolean {
    return this.#state === 'running' && !this.#paused && this.#lease.isValid
  }

  /** What proves to the store that the partition is run here. */
  get lease(): HeldLease {
    return this.#lease.held
  }

  get inFlight(): number {
    return this.#queue.inFlight
  }

  /** Whether there is something to read or to handle, and nothing got on for so long. */
  isStalled(forMs: number): boolean {
    const isIdle = this.#open.size === 0 && this.#reader.isIdle
    return !isIdle && !this.#paused && performance.now() - this.#progressedAt >= forMs
  }

  /**
   * Resolves when the lease is lost or after `stop`, and its calls have ended: the next run, which may be of this process,
   * must not call the handler beside them.
   */
  async run(): Promise<void> {
    await Promise.all([this.#readOn(), this.#keepLease()])
    this.#reader.close()
    await within(this.#options.handlerTimeoutMs, Promise.race([this.#abandoned, this.#stopped.promise]))
  }

  /** Has the lease renewed now, since the subscription was paused, resumed, reset or removed. */
  renewNow(): void {
    this.#savedAt = Number.NEGATIVE_INFINITY
    this.#save.notify()
  }

  /**
   * Takes no more events, waits for running calls, and saves and gives back the lease.
   * @returns how many calls were still running when the time was up
   */
  async stop(timeoutMs: number): Promise<number> {
    // In this order: what fails for the last time because of the stop comes again, and is no dead letter.
    if (this.#state === 'running') this.#enter('leaving')
    this.#read.notify()
    this.#queue.clear()
    await this.#queue.idle(timeoutMs)
    const left = this.#queue.inFlight
    this.#end()
    this.#cancel(new EventsError('EVENTS_NOT_RUNNING', 'The bus stopped before the handler had settled'))
    this.#stopped.resolve()
    await within(FINAL_SAVE_MS, this.#saveAndRelease())
    return left
  }

  async #saveAndRelease(): Promise<void> {
    try {
      if ((await this.#commit()).committed) await this.#lease.release()
    } catch (error) {
      const message = 'A checkpoint could not be saved at the end; some events will come again'
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
        // Reading is getting on only while nothing waits for the handler.
        if (this.#open.size === 0) this.#progressedAt = performance.now()
      }
    }
  }

  /** A page comes in one piece, so it waits until there is room for a good part. */
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

  /** Events that do not match wake nobody: how far they go is asked for. */
  #examineIdly(): void {
    const position = this.#reader.idlePosition
    if (position !== undefined) this.#tracker.examine(position)
  }

  /** Renews the lease in time, and saves the position soon after it moved. */
  async #keepLease(): Promise<void> {
    while (this.#state !== 'ended') {
      await this.#save.wait(Math.min(this.#options.checkpointMs, this.#lease.renewalMs))
      if (this.#hasEnded) return
      try {
        await this.#renewIfDue()
      } catch (error) {
        this.#storageFailed('checkpoint', error, 'A checkpoint cannot be saved; trying again')
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

  // A getter, or TypeScript would take what was checked before an `await` as still true.
  get #hasEnded(): boolean {
    return this.#state === 'ended'
  }

  /** Saves how far all is handled, with what else is to be stored. */
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
    this.#cancel(new EventsError('EVENTS_LEASE_LOST', `Another process runs '${this.#options.name}' by now`))
  }

  #cancel(reason: EventsError): void {
    this.#abandoned ??= this.#queue.cancel(reason)
  }

  async #finished(event: PublishedEvent, error: unknown): Promise<void> {
    const { position } = event
    const stored = position === undefined ? undefined : this.#open.get(position)
    if (stored === undefined) return
    // While it leaves no more calls are made, so a failure may not be the last of its attempts.
    if (error !== undefined && (this.#state !== 'running' || !(await this.#park(stored, error)))) return
    this.#open.delete(stored.position)
    this.#progressedAt = performance.now()
    this.#tracker.finish(stored.position)
    if (this.#hasRoom) this.#read.notify()
  }

  /** Tries until the event is kept: until then its position stays open. False when the run ended before that. */
  async #park(event: StoredEvent, error: unknown): Promise<boolean> {
    const failures = [this.#options.failureOf(event, error)]
    while (!this.#hasEnded) {
      try {
        if ((await this.#commit({ failures })).committed) return true
        this.#lose()
      } catch (failure) {
        this.#storageFailed('park', failure, 'A dead letter cannot be stored; trying again')
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
