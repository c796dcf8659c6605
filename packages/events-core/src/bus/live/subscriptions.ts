import type { PublishedEvent } from '../../event/event.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { EventHandler, HealthCheck, SubscribeOptions, Subscription, SubscriptionInfo } from '../api.ts'
import { refuseDurableOptions, subscriptionSettings } from '../delivery/settings.ts'
import { Dispatcher } from '../tail/dispatcher.ts'
import { LiveSubscription, type SubscriptionHost } from './live-subscription.ts'

/** The live subscriptions of one bus. */
export class Subscriptions {
  readonly #host: Omit<SubscriptionHost, 'ended'>
  readonly #dispatcher = new Dispatcher()
  readonly #active = new Set<LiveSubscription>()
  #made = 0

  constructor(host: Omit<SubscriptionHost, 'ended'>) {
    this.#host = host
  }

  get size(): number {
    return this.#active.size
  }

  /** @throws EventsError EVENTS_INVALID for an invalid option */
  add(filter: EventFilter, handler: EventHandler, options: SubscribeOptions): Subscription {
    refuseDurableOptions(options)
    const id = `subscription-${++this.#made}`
    const settings = subscriptionSettings(options, id)
    const subscription = new LiveSubscription(id, filter, handler, settings, {
      ...this.#host,
      ended: (ended) => this.#remove(ended),
    })
    this.#active.add(subscription)
    this.#dispatcher.add(subscription)
    return subscription
  }

  dispatch(event: PublishedEvent): void {
    this.#dispatcher.dispatch(event)
  }

  list(): readonly SubscriptionInfo[] {
    return Array.from(this.#active, (subscription) => subscription.info())
  }

  check(): HealthCheck {
    const overrun = Array.from(this.#active).filter((subscription) => subscription.isQueueFull)
    if (overrun.length === 0) return { status: 'ok', active: this.size }
    const detail = overrun.map(({ name }) => `the queue of '${name}' is full`).join(', ')
    return { status: 'degraded', active: this.size, detail }
  }

  /** Returns the events that wait or are being handled, by name; subscriptions of one name are added up. */
  lag(): ReadonlyMap<string, number> {
    const lag = new Map<string, number>()
    for (const { name, lag: events } of this.#active) lag.set(name, (lag.get(name) ?? 0) + events)
    return lag
  }

  /** Lets handlers finish the waiting events, ends all subscriptions, and returns the number of unhandled events by name. */
  async drain(timeoutMs: number): Promise<Readonly<Record<string, number>>> {
    const drained = Array.from(this.#active, async (subscription) => ({
      name: subscription.name,
      left: await subscription.drain(timeoutMs),
    }))
    const unhandled: Record<string, number> = {}
    for (const { name, left } of await Promise.all(drained)) {
      if (left > 0) unhandled[name] = (unhandled[name] ?? 0) + left
    }
    return unhandled
  }

  #remove(subscription: LiveSubscription): void {
    this.#dispatcher.remove(subscription)
    this.#active.delete(subscription)
    const { name } = subscription
    if (!Array.from(this.#active).some((other) => other.name === name))
      this.#host.metrics.forgetSubscription(name)
  }
}
