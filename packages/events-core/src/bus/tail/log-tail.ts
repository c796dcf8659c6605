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
  /** Takes each event of the log once, in order of positions, and live-only events in between. Never throws. */
  readonly dispatch: (event: PublishedEvent) => void
  /** Whether anybody wants events. While nobody does, nothing is read. */
  readonly hasReceivers: () => boolean
}

const READ_EVENTS = 1_000
const RETRY_MS = 250

/**
 * Follows the end of the log and brings what is appended to it, by whichever process, in order.
 *
 * following: own appends that continue the sequence are dispatched from memory. catching up: there is a hole, so
 * the store is read until its end; own stored events are met there again, and live-only ones wait for their turn.
 */
export class LogTail {
  readonly #options: LogTailOptions
  readonly #stopping = new AbortController()
  /** Live-only events that wait, each for the log to be dispatched up to a position. */
  readonly #liveOnly = new Fifo<{ readonly after: number; readonly event: PublishedEvent }>()
  readonly #unwatch: () => void
  readonly #poll: NodeJS.Timeout
  /** The last position that was dispatched. */
  #last: number
  /** The last position that is known to exist. */
  #known: number
  #catchingUp: Promise<void> | undefined

  constructor(options: LogTailOptions, position: number) {
    this.#options = options
    this.#last = position
    this.#known = position
    this.#unwatch = this.#watch()
    this.#poll = setInterval(() => this.wake(), options.pollIntervalMs).unref()
  }

  /** The last position that is known to exist. */
  get head(): number {
    return this.#known
  }

  /** The last position that was dispatched, or passed over because nobody wanted it. */
  get dispatched(): number {
    return this.#last
  }

  /** Takes own events in the order in which they were published, as soon as they are stored. */
  offer(events: readonly PublishedEvent[]): void {
    for (const event of events) this.#offerOne(event)
  }

  /** Has the store read, since others may have appended. */
  wake(): void {
    this.#catchingUp ??= this.#catchUp().finally(() => {
      this.#catchingUp = undefined
      // What was offered in the meantime may have come too late for the last read.
      if (this.#last < this.#known && !this.#stopping.signal.aborted) this.wake()
    })
  }

  /**
   * Resolves when what others have appended by now was dispatched; while nobody wanted it, it is passed over.
   * @throws EventsError EVENTS_STORAGE_UNAVAILABLE when that took too long
   */
  async settle(timeoutMs: number): Promise<void> {
    this.wake()
    const settled = (this.#catchingUp ?? Promise.resolve()).then(() => true)
    if (await within(timeoutMs, settled)) return
    throw new EventsError(
      'EVENTS_STORAGE_UNAVAILABLE',
      `The store did not tell its end within ${timeoutMs} ms`,
    )
  }

  /** Resolves when all that is known to exist was dispatched, or after `timeoutMs`, and follows no longer. */
  async stop(timeoutMs: number): Promise<void> {
    clearInterval(this.#poll)
    this.#unwatch()
    if (this.#catchingUp !== undefined) await within(timeoutMs, this.#catchingUp)
    this.#stopping.abort()
  }

  /** A store that cannot be watched is polled. */
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
        logger.warn({ err: error }, 'The log cannot be followed; trying again')
        await sleep(RETRY_MS)
      }
    }
    this.#dispatchLiveOnly(Number.POSITIVE_INFINITY)
  }

  /** Answers whether there may be more. */
  async #readOn(storage: EventStorage): Promise<boolean> {
    if (!this.#options.hasReceivers()) {
      const { position } = await storage.head()
      // Whoever has come in the meantime wants what comes after their coming.
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
