import { EventsError } from '../../errors.ts'
import type { PublishedEvent } from '../../event/event.ts'
import { compileResidual, compileTypes, type EventFilter } from '../../filter/filter.ts'
import type { DropReason, EventMetrics } from '../../metrics/metrics.ts'
import type { EventHandler, Logger, Subscription, SubscriptionInfo } from '../api.ts'
import { DeliveryQueue } from '../delivery/delivery-queue.ts'
import { HandlerRecord } from '../delivery/handler-stats.ts'
import type { SubscriptionSettings } from '../delivery/settings.ts'
import type { Receiver } from '../tail/dispatcher.ts'

/** The parts of a bus that a live subscription needs. */
export interface SubscriptionHost {
  readonly metrics: EventMetrics
  readonly logger: Logger
  readonly now: () => number
  readonly dropped: (reason: DropReason, count: number, subscription: string) => void
  /** Called once, when the subscription accepts no more events. */
  readonly ended: (subscription: LiveSubscription) => void
}

/**
 * A subscription of this process only: its events wait in a bounded queue while the handler is busy.
 *
 * active: accepts and handles events. ended: accepts none and has dropped the waiting ones; running calls may still settle.
 */
export class LiveSubscription implements Subscription, Receiver {
  readonly id: string
  readonly filter: EventFilter
  readonly wantsType: (type: string) => boolean
  readonly #settings: SubscriptionSettings
  readonly #host: SubscriptionHost
  readonly #matches: ((event: PublishedEvent) => boolean) | undefined
  readonly #queue: DeliveryQueue
  readonly #record: HandlerRecord
  #ended = false
  #dropped = 0

  constructor(
    id: string,
    filter: EventFilter,
    handler: EventHandler,
    settings: SubscriptionSettings,
    host: SubscriptionHost,
  ) {
    this.id = id
    this.filter = filter
    this.wantsType = compileTypes(filter.types)
    this.#matches = compileResidual(filter)
    this.#settings = settings
    this.#host = host
    this.#record = new HandlerRecord({ ...host, name: settings.name })
    this.#queue = new DeliveryQueue({
      handler,
      subscription: this,
      retry: settings.retry,
      handlerTimeoutMs: settings.handlerTimeoutMs,
      clock: this.#record.clock,
      concurrency: settings.concurrency,
      keyOf:
        settings.orderBy && settings.concurrency > 1
          ? (event) => this.#record.keyOf(event, settings.orderBy)
          : undefined,
      mayStart: () => true,
      wanted: (event) => this.#isWanted(event),
      looked: () => this.#record.look(),
      called: (delivery, seconds, error) => this.#record.called(delivery, seconds, error),
      finished: () => undefined,
    })
  }

  get name(): string {
    return this.#settings.name
  }

  /** The number of events that wait for the handler or are being handled. */
  get lag(): number {
    return this.#queue.waiting + this.#queue.inFlight
  }

  get isQueueFull(): boolean {
    return this.#queue.waiting >= this.#settings.queueEvents
  }

  /** Accepts an event of a wanted type. A property, not a method: mitt needs the same function for `on` and `off`. */
  readonly offer = (event: PublishedEvent): void => {
    if (this.#ended || (this.#matches !== undefined && !this.#matches(event))) return
    if (this.isQueueFull && !this.#makeRoom()) return
    this.#queue.push(event)
  }

  async unsubscribe(): Promise<void> {
    this.#end()
  }

  info(): SubscriptionInfo {
    return {
      id: this.id,
      name: this.name,
      subscriber: this.#settings.subscriber,
      filter: this.filter,
      ...this.#record.info(),
      durable: false,
      state: 'running',
      lag: this.#queue.waiting,
      in_flight: this.#queue.inFlight,
      dropped: this.#dropped,
    }
  }

  /** Lets the handler finish the waiting events, then ends. Returns the number of events left after the timeout. */
  async drain(timeoutMs: number): Promise<number> {
    await this.#queue.idle(timeoutMs)
    const left = this.lag
    if (this.#end()) this.#record.tellEnd(this.#settings.onEnd, 'stopped')
    this.#queue.cancel(new EventsError('EVENTS_NOT_RUNNING', 'The bus stopped before the handler settled'))
    return left
  }

  #end(): boolean {
    if (this.#ended) return false
    this.#ended = true
    this.#record.end()
    this.#queue.clear()
    this.#host.ended(this)
    return true
  }

  #makeRoom(): boolean {
    const policy = this.#settings.onQueueFull
    this.#drop('queue_full')
    if (policy === 'drop-oldest') return this.#queue.removeOldest()
    if (policy === 'disconnect' && this.#end()) this.#record.tellEnd(this.#settings.onEnd, 'queue_full')
    return false
  }

  #drop(reason: DropReason): void {
    this.#dropped++
    this.#host.dropped(reason, 1, this.name)
  }

  #isWanted(event: PublishedEvent): boolean {
    if (!this.#record.isExpired(event)) return true
    this.#drop('expired')
    return false
  }
}
