import { setTimeout as sleep } from 'node:timers/promises'
import { EventsError } from '../errors.ts'
import type { PublishedEvent, StoredEvent } from '../event.ts'
import type { EventFilter } from '../filter.ts'
import type { EventMetrics } from '../metrics/metrics.ts'
import type { EventLog } from '../storage/storage.ts'
import type { Lease, PositionRange, Progress } from '../storage/subscription-store.ts'
import type { DeliveryQueue, DeliveryQueueOptions } from './delivery-queue.ts'
import type { LeaseHolder } from './lease-holder.ts'
import type { Logger } from './options.ts'
import { PositionTracker } from './position-tracker.ts'
import { Signal } from './signal.ts'

/** What a partition works with, whoever has its lease. */
export interface PartitionOptions {
  readonly name: string
  readonly log: EventLog
  readonly filter: EventFilter
  /** Whether an event belongs to this partition. */
  readonly isOwn: (event: PublishedEvent) => boolean
  /** Makes the queue that brings events to the handler. */
  readonly createQueue: (hooks: Pick<DeliveryQueueOptions, 'mayStart' | 'finished'>) => DeliveryQueue
  /** Keeps an event that the handler could not take; resolves once that is stored. */
  readonly park: (event: StoredEvent, error: unknown) => Promise<void>
  /** Called at each renewal while the partition is not paused. */
  readonly renewed: () => void
  readonly metrics: EventMetrics
  readonly logger: Logger
  /** How often the position is saved while it moves. */
  readonly checkpointMs: number
  /** Events that may wait for the handler. */
  readonly queueEvents: number
}

const READ_EVENTS = 500
const RETRY_MS = 250
/** A store that does not answer must not hold up a stop. */
const FINAL_SAVE_MS = 1_000

/**
 * Runs a partition for as long as its lease holds: reads on from the saved position, hands events to the handler in
 * order, and saves how far all is handled. When the lease is lost all that is under way is let go: it comes again,
 * here or elsewhere.
 */
export class PartitionRun {
  readonly #options: PartitionOptions
  readonly #lease: LeaseHolder
  readonly #tracker: PositionTracker
  readonly #queue: DeliveryQueue
  readonly #read = new Signal()
  readonly #save = new Signal()
  /** Events that are not handled yet, by position. */
  readonly #open = new Map<number, StoredEvent>()
  /** Whether the log may have events that were not read yet. */
  #more = true
  /** What retention removed before it was read, and was not saved yet. */
  #missed: PositionRange | undefined
  #paused: boolean
  #savedPosition: number
  #savedAt = performance.now()
  #ended = false
  #progressedAt = performance.now()

  constructor(options: PartitionOptions, lease: LeaseHolder, { position, paused }: Lease) {
    this.#options = options
    this.#lease = lease
    this.#tracker = new PositionTracker(position)
    this.#savedPosition = position
    this.#paused = paused
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
    return this.#tracker.handled
  }

  /** Whether handlers may be called on its behalf. */
  get mayHandle(): boolean {
    return !this.#ended && !this.#paused && this.#lease.isValid
  }

  get inFlight(): number {
    return this.#queue.inFlight
  }

  /** Whether there is something to read or to handle, and nothing got on for so long. */
  isStalled(forMs: number): boolean {
    const isIdle = this.#open.size === 0 && !this.#more
    return !isIdle && !this.#paused && performance.now() - this.#progressedAt >= forMs
  }

  /** Resolves when the lease is lost or after `stop`. */
  async run(): Promise<void> {
    await Promise.all([this.#readOn(), this.#keepLease()])
  }

  /** The log has grown. */
  wake(): void {
    if (this.#open.size === 0 && !this.#more) this.#progressedAt = performance.now()
    this.#more = true
    this.#read.notify()
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
    this.#end()
    this.#queue.clear()
    await this.#queue.idle(timeoutMs)
    const left = this.#queue.inFlight
    this.#queue.cancel(
      new EventsError('EVENTS_NOT_RUNNING', 'The bus stopped before the handler had settled'),
    )
    await Promise.race([this.#saveAndRelease(), sleep(FINAL_SAVE_MS, undefined, { ref: false })])
    return left
  }

  async #saveAndRelease(): Promise<void> {
    try {
      if ((await this.#lease.renew(this.#progress())) !== undefined) await this.#lease.release()
    } catch (error) {
      const message = 'A checkpoint could not be saved at the end; some events will come again'
      this.#storageFailed('checkpoint', error, message)
    }
  }

  #end(): void {
    this.#ended = true
    this.#read.notify()
    this.#save.notify()
  }

  async #readOn(): Promise<void> {
    while (!this.#ended) {
      try {
        if (!(await this.#readBatch())) await this.#read.wait()
      } catch (error) {
        this.#more = true
        this.#storageFailed('read', error, 'A durable subscription cannot read the log; trying again')
        await this.#read.wait(RETRY_MS)
      }
    }
  }

  /** Answers whether there may be more to read now. */
  async #readBatch(): Promise<boolean> {
    const { log, filter, isOwn, queueEvents } = this.#options
    const room = queueEvents - this.#queue.waiting - this.#queue.inFlight
    // Reading little by little costs a query each, so it waits until there is room for a good part.
    if (!this.#more || this.#paused || room < queueEvents / 2) return false
    const limit = Math.min(READ_EVENTS, room)
    this.#more = false
    const after = this.#tracker.examined
    const { events, position } = await log.read({ after, limit, filter })
    if (this.#ended) return false
    const looked = this.#lookForMissed(after + 1, (events[0]?.position ?? position + 1) - 1)
    // Reading is getting on only while nothing waits for the handler.
    if (this.#open.size === 0) this.#progressedAt = performance.now()
    for (const event of events) {
      if (!isOwn(event)) continue
      this.#tracker.begin(event.position)
      this.#open.set(event.position, event)
      this.#queue.push(event)
    }
    await looked
    this.#tracker.examine(position)
    this.#more ||= events.length === limit
    return this.#more
  }

  /**
   * Looks whether retention removed what is not there. After the read: so what it removed only later, when the filter
   * had passed over it already, is all that may be taken for missed.
   */
  async #lookForMissed(from: number, last: number): Promise<void> {
    if (last < from) return
    const { log, metrics, logger, name } = this.#options
    const message = 'A durable subscription cannot ask what the log keeps; trying again'
    const head = await this.#untilEnded('read', message, () => log.head())
    const to = Math.min(last, (head?.keptFrom ?? 1) - 1)
    if (to < from) return
    this.#missed = { from: this.#missed?.from ?? from, to }
    metrics.missed(name, to - from + 1)
    logger.warn(
      { subscription: name, from, to },
      'Retention removed events before a durable subscription had them',
    )
  }

  /** Renews the lease in time, and saves the position soon after it moved. */
  async #keepLease(): Promise<void> {
    const { checkpointMs } = this.#options
    while (!this.#ended) {
      await this.#save.wait(Math.min(checkpointMs, this.#lease.renewalMs))
      if (this.#ended) return
      try {
        await this.#renewIfDue()
      } catch (error) {
        this.#storageFailed('checkpoint', error, 'A checkpoint cannot be saved; trying again')
      }
    }
  }

  async #renewIfDue(): Promise<void> {
    const { handled } = this.#tracker
    const missed = this.#missed
    const isDue = performance.now() - this.#savedAt >= this.#lease.renewalMs
    if (handled === this.#savedPosition && missed === undefined && !isDue) return
    const lease = await this.#lease.renew(this.#progress())
    if (lease === undefined) return this.#lose()
    if (this.#missed === missed) this.#missed = undefined
    this.#savedAt = performance.now()
    this.#savedPosition = handled
    const resumed = this.#paused && !lease.paused
    this.#paused = lease.paused
    if (this.#paused) return
    this.#options.renewed()
    this.#queue.resume()
    if (resumed) this.#read.notify()
  }

  #progress(): Progress {
    return { position: this.#tracker.handled, ...(this.#missed && { missed: this.#missed }) }
  }

  #lose(): void {
    if (this.#ended) return
    this.#end()
    this.#queue.clear()
    this.#queue.cancel(
      new EventsError('EVENTS_LEASE_LOST', `Another process runs '${this.#options.name}' by now`),
    )
  }

  async #finished(event: PublishedEvent, error: unknown): Promise<void> {
    const { position } = event
    const stored = position === undefined ? undefined : this.#open.get(position)
    if (stored === undefined) return
    if (error !== undefined && !(await this.#park(stored, error))) return
    this.#open.delete(stored.position)
    this.#progressedAt = performance.now()
    this.#tracker.finish(stored.position)
    if (this.#more) this.#read.notify()
  }

  /** Tries until the event is kept: until then its position stays open. False when the run ended before that. */
  async #park(event: StoredEvent, error: unknown): Promise<boolean> {
    const isParked = this.#untilEnded('park', 'A dead letter cannot be stored; trying again', async () => {
      await this.#options.park(event, error)
      return true
    })
    return (await isParked) ?? false
  }

  /** Tries again while the store fails; undefined when the run ended before it did well. */
  async #untilEnded<T>(operation: string, message: string, work: () => Promise<T>): Promise<T | undefined> {
    while (!this.#ended) {
      try {
        return await work()
      } catch (error) {
        this.#storageFailed(operation, error, message)
        await sleep(RETRY_MS)
      }
    }
    return undefined
  }

  #storageFailed(operation: string, error: unknown, message: string): void {
    const { metrics, logger, name } = this.#options
    metrics.storageError(operation)
    logger.warn({ err: error, subscription: name }, message)
  }
}
