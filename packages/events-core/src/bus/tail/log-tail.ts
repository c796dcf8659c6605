import { setTimeout as sleep } from 'node:timers/promises'
import { EventsError } from '../../errors.ts'
import type { PublishedEvent } from '../../event/event.ts'
import { Fifo } from '../../fifo.ts'
import type { EventMetrics } from '../../metrics/metrics.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'
import { within } from '../../within.ts'
import type { Logger } from '../api.ts'
import { guarded } from '../guarded.ts'

export interface LogTailOptions {
  readonly storage: EventStorage
  readonly metrics: EventMetrics
  readonly logger: Logger
  readonly pollIntervalMs: number
  /** Receives each event of the log once, in order of positions, and live-only events in between. Never throws. */
  readonly dispatch: (event: PublishedEvent) => void
  /** Returns whether there are receivers. Without any, the store is not read. */
  readonly hasReceivers: () => boolean
}

const READ_EVENTS = 1_000
const RETRY_MS = 250

/**
 * Follows the end of the log and dispatches the events that any process appends, in order.
 *
 * following: dispatches its own appends, which continue the sequence, from memory. catching up: there is a hole, so it
 * reads the store to its end; that includes its own stored events, and live-only ones wait for their turn.
 */
export class LogTail {
  readonly #options: LogTailOptions
  readonly #stopping = new AbortController()
  /** Live-only events that wait until the log is dispatched up to a position. */
  readonly #liveOnly = new Fifo<{ readonly after: number; readonly event: PublishedEvent }>()
  readonly #unwatch: () => void
  readonly #poll: NodeJS.Timeout
  /** The last position that was dispatched. */
  #last: number
  /** The last known position. */
  #known: number
  #catchingUp: Promise<void> | undefined

  constructor(options: LogTailOptions, position: number) {
    this.#options = options
    this.#last = position
    this.#known = position
    this.#unwatch = this.#watch()
    this.#poll = setInterval(() => this.wake(), options.pollIntervalMs).unref()
  }

  /** The last known position. */
  get head(): number {
    return this.#known
  }

  /** The last position that was dispatched, or skipped because there were no receivers. */
  get dispatched(): number {
    return this.#last
  }

  /** Accepts this process's events in publish order, as soon as they are stored. */
  offer(events: readonly PublishedEvent[]): void {
    for (const event of events) this.#offerOne(event)
  }

  /** Reads the store, since other processes may have appended. */
  wake(): void {
    this.#catchingUp ??= this.#catchUp().finally(() => {
      this.#catchingUp = undefined
      // Events that were offered meanwhile may have come too late for the last read.
      if (this.#last < this.#known && !this.#stopping.signal.aborted) this.wake()
    })
  }

  /**
   * Resolves when the events that other processes have appended by now are dispatched, or skipped without receivers.
   * @throws EventsError EVENTS_STORAGE_UNAVAILABLE if that takes too long
   */
  async settle(timeoutMs: number): Promise<void> {
    this.wake()
    const settled = (this.#catchingUp ?? Promise.resolve()).then(() => true)
    if (await within(timeoutMs, settled)) return
    throw new EventsError(
      'EVENTS_STORAGE_UNAVAILABLE',
      `The store did not return its head within ${timeoutMs} ms`,
    )
  }

  /** Stops following. Resolves when all known positions were dispatched, or after `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    clearInterval(this.#poll)
    this.#unwatch()
    if (this.#catchingUp !== undefined) await within(timeoutMs, this.#catchingUp)
    this.#stopping.abort()
  }

  /** Watches the store; if that fails, polling alone finds new events. */
  #watch(): () => void {
    const { storage, metrics, logger } = this.#options
    const failed = (err: unknown): undefined => {
      metrics.storageError('watch')
      logger.warn(
        { err },
        "The store cannot be watched: other processes' events are seen only when it is polled",
      )
    }
    const unwatch = guarded(() => storage.watch(() => this.wake()), failed)()
    return guarded(() => unwatch?.(), failed)
  }

  #offerOne(event: PublishedEvent): void {
    const { position } = event
    if (position === undefined) this.#offerLiveOnly(event)
    else this.#offerStored(event, position)
  }

  #offerStored(event: PublishedEvent, position: number): void {
    this.#known = Math.max(this.#known, position)
    if (this.#catchingUp !== undefined || position <= this.#last) return
    if (position === this.#last + 1) {
      this.#last = position
      this.#options.dispatch(event)
    } else this.wake()
  }

  #offerLiveOnly(event: PublishedEvent): void {
    if (this.#catchingUp === undefined) this.#options.dispatch(event)
    else this.#liveOnly.push({ after: this.#known, event })
  }

  async #catchUp(): Promise<void> {
    const { storage, metrics, logger } = this.#options
    while (!this.#stopping.signal.aborted) {
      try {
        if (!(await this.#readOn(storage))) break
      } catch (error) {
        if (this.#stopping.signal.aborted) break
        metrics.storageError('tail')
        logger.warn({ err: error }, 'Cannot follow the event log; retrying')
        await sleep(RETRY_MS)
      }
    }
    this.#dispatchLiveOnly(Number.POSITIVE_INFINITY)
  }

  /** Reads the next page of the store. Returns whether there may be more. */
  async #readOn(storage: EventStorage): Promise<boolean> {
    if (!this.#options.hasReceivers()) {
      const { position } = await storage.head()
      // A receiver that was added meanwhile must get the events after that moment.
      if (this.#options.hasReceivers()) return true
      this.#advance(position)
      return false
    }
    const { events, position, more } = await storage.read({ after: this.#last, limit: READ_EVENTS })
    for (const event of events) {
      this.#dispatchLiveOnly(event.position - 1)
      this.#last = event.position
      this.#options.dispatch(event)
    }
    this.#advance(position)
    this.#dispatchLiveOnly(this.#last)
    return more || this.#last < this.#known
  }

  #advance(position: number): void {
    this.#last = Math.max(this.#last, position)
    this.#known = Math.max(this.#known, this.#last)
  }

  #dispatchLiveOnly(upTo: number): void {
    for (
      let next = this.#liveOnly.peek();
      next !== undefined && next.after <= upTo;
      next = this.#liveOnly.peek()
    ) {
      this.#liveOnly.shift()
      this.#options.dispatch(next.event)
    }
  }
}
