import type { EventsError } from '../../errors.ts'
import type { PublishedEvent } from '../../event/event.ts'
import { Fifo } from '../../fifo.ts'
import { Delivery, type DeliveryPlan } from './delivery.ts'

export interface DeliveryQueueOptions extends Omit<DeliveryPlan, 'finished'> {
  readonly concurrency: number
  /**
   * Returns the key whose events are handled one after the other; undefined for an event that may overtake others. Never
   * throws.
   */
  readonly keyOf: ((event: PublishedEvent) => string | undefined) | undefined
  /** Called when an event's turn has come; if it returns false, the event is finished without a call. */
  readonly wanted: (event: PublishedEvent) => boolean
  /** Called before handler calls begin and again after every 16 of them, so that one clock reading serves them all. */
  readonly looked: () => void
  /**
   * Called once for each event that was pushed and not removed. @param error the last call's error; undefined if it
   * succeeded
   */
  readonly finished: (event: PublishedEvent, error: unknown) => void
}

/**
 * The time for which deliveries are begun before the process's other work gets its turn, and the number of deliveries
 * between two checks of it.
 */
const TURN_MS = 2
const LOOK_EVERY = 16

/**
 * Delivers events to one handler: at most `concurrency` at a time, in order, or in order for each key.
 *
 * An event is ready; or it is behind an event of the same key that is being handled, and due once that one has finished.
 * Then it is running. Handlers run in a turn of their own: no publisher and no other subscription waits for them.
 */
export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions
  readonly #plan: DeliveryPlan
  readonly #ready = new Fifo<PublishedEvent>()
  /** Waiting events by key; a key has an entry while one of its events is being handled. */
  readonly #behind = new Map<string, Fifo<PublishedEvent>>()
  readonly #due = new Fifo<readonly [PublishedEvent, key: string]>()
  /** Unordered: each delivery knows its index, so that removing it takes constant time. */
  readonly #running: Delivery[] = []
  readonly #idle: (() => void)[] = []
  #waiting = 0
  #scheduled = false

  constructor(options: DeliveryQueueOptions) {
    this.#options = options
    this.#plan = { ...options, finished: (delivery, error) => this.#finished(delivery, error) }
  }

  get waiting(): number {
    return this.#waiting
  }

  get inFlight(): number {
    return this.#running.length
  }

  push(event: PublishedEvent): void {
    this.#ready.push(event)
    this.#waiting++
    this.#schedule()
  }

  /** Continues after `mayStart` has returned false. */
  resume(): void {
    if (this.#waiting > 0) this.#schedule()
  }

  /** Removes the oldest ready event; returns false if there is none. */
  removeOldest(): boolean {
    if (this.#ready.shift() === undefined) return false
    this.#waiting--
    return true
  }

  /** Removes all waiting events, including those that wait for a retry. Running calls continue. */
  clear(): void {
    for (const delivery of [...this.#running]) delivery.stopRetrying()
    this.#ready.clear()
    this.#behind.clear()
    this.#due.clear()
    this.#waiting = 0
    this.#tellIdle()
  }

  /**
   * Ends running calls: aborts their signals and ignores their results. Resolves when they have really ended, which may be
   * never.
   */
  async cancel(reason: EventsError): Promise<void> {
    await Promise.all([...this.#running].map((delivery) => delivery.cancel(reason)))
  }

  /** Resolves when nothing waits or runs, or after `timeoutMs`. */
  idle(timeoutMs: number): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#idle.push(resolve)
    return promise.finally(() => clearTimeout(timer))
  }

  #isIdle(): boolean {
    return this.#waiting === 0 && this.#running.length === 0
  }

  #schedule(): void {
    if (this.#scheduled || this.#running.length >= this.#options.concurrency) return
    this.#scheduled = true
    queueMicrotask(this.#pump)
  }

  /** `#scheduled` stays set while it runs, so that a delivery that finishes at once does not schedule it again. */
  readonly #pump = (): void => {
    this.#options.looked()
    const until = performance.now() + TURN_MS
    for (let begun = 1; this.#running.length < this.#options.concurrency; begun++) {
      if (!this.#startNext()) break
      if (begun % LOOK_EVERY !== 0) continue
      if (performance.now() > until) return void setImmediate(this.#pump)
      this.#options.looked()
    }
    this.#scheduled = false
  }

  #startNext(): boolean {
    if (!this.#options.mayStart()) return false
    const due = this.#due.shift()
    const event = due === undefined ? this.#ready.shift() : undefined
    if (due !== undefined) this.#deliver(...due)
    else if (event !== undefined) this.#admit(event)
    return due !== undefined || event !== undefined
  }

  #admit(event: PublishedEvent): void {
    const key = this.#options.keyOf?.(event)
    const behind = key === undefined ? undefined : this.#behind.get(key)
    if (behind !== undefined) {
      behind.push(event)
      return
    }
    if (key !== undefined) this.#behind.set(key, new Fifo())
    this.#deliver(event, key)
  }

  #deliver(event: PublishedEvent, key: string | undefined): void {
    this.#waiting--
    if (!this.#options.wanted(event)) {
      this.#leave(event, key, undefined)
      return
    }
    const delivery = new Delivery(event, key, this.#plan)
    delivery.place = this.#running.push(delivery) - 1
    delivery.start()
  }

  #finished(delivery: Delivery, error: unknown): void {
    const last = this.#running.pop()
    if (last !== undefined && last !== delivery) {
      this.#running[delivery.place] = last
      last.place = delivery.place
    }
    this.#leave(delivery.event, delivery.key, error)
  }

  /** Continues with the next event of the same key or, without one, with any ready event. */
  #leave(event: PublishedEvent, key: string | undefined, error: unknown): void {
    const follower = key === undefined ? undefined : this.#behind.get(key)?.shift()
    if (key !== undefined && follower !== undefined) this.#due.push([follower, key])
    else if (key !== undefined) this.#behind.delete(key)
    this.#options.finished(event, error)
    if (this.#waiting > 0) this.#schedule()
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
