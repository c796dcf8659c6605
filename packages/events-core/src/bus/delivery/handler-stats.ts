import type { PublishedEvent } from '../../event/event.ts'
import { formatTimestamp, parseTimestamp } from '../../event/timestamp.ts'
import type { EventMetrics } from '../../metrics/metrics.ts'
import type { Logger, SubscribeOptions, SubscriptionInfo } from '../api.ts'
import { guarded, isThenable } from '../guarded.ts'
import { unmeasured } from '../no-ops.ts'
import type { Delivery } from './delivery.ts'

export interface HandlerRecordOptions {
  readonly name: string
  readonly metrics: EventMetrics
  readonly logger: Logger
  readonly now: () => number
}

const stoppedClock = (): number => 0

/** Counts and measures the calls of a subscription's handler, and logs those that fail. */
export class HandlerRecord {
  /**
   * Measures the handler's calls. It stands still if nothing is measured: reading a clock takes as long as a small handler.
   */
  readonly clock: () => number
  readonly #options: HandlerRecordOptions
  readonly #createdMs: number
  /** The time at which the clock was last read. */
  #nowMs: number
  #lastTriggeredMs: number | undefined
  #triggered = 0
  #errors = 0
  #ended = false

  constructor(options: HandlerRecordOptions) {
    this.#options = options
    this.clock = options.metrics === unmeasured ? stoppedClock : () => performance.now()
    this.#createdMs = options.now()
    this.#nowMs = this.#createdMs
  }

  /** The time of the handler's last call; undefined if it was never called. */
  get lastTriggeredMs(): number | undefined {
    return this.#lastTriggeredMs
  }

  /** Returns the part of a subscription's description that concerns its handler. */
  info(): Pick<SubscriptionInfo, 'created' | 'last_triggered' | 'trigger_count' | 'errors'> {
    const last = this.#lastTriggeredMs
    return {
      created: formatTimestamp(this.#createdMs),
      last_triggered: last === undefined ? null : formatTimestamp(last),
      trigger_count: this.#triggered,
      errors: this.#errors,
    }
  }

  /** Reads the clock for the next calls: reading it for each would take as long as a small handler. */
  look(): void {
    this.#nowMs = this.#options.now()
  }

  /** Returns whether the event expired while it waited; an event that did not is counted as passed to the handler. */
  isExpired({ ttl, timestamp }: PublishedEvent): boolean {
    if (ttl !== undefined) {
      this.look()
      if ((parseTimestamp(timestamp) ?? 0) + ttl <= this.#nowMs) return true
    }
    this.#triggered++
    this.#lastTriggeredMs = this.#nowMs
    return false
  }

  /** Returns an event's ordering key. If `orderBy` fails, logs that and returns undefined. */
  keyOf(event: PublishedEvent, orderBy: SubscribeOptions['orderBy']): string | undefined {
    const failed = (err: unknown) => this.failed({ err, event_id: event.id }, 'orderBy failed')
    return guarded(() => keyText(orderBy?.(event)), failed)()
  }

  called(delivery: Delivery, seconds: number, error: unknown): void {
    if (!this.#ended) this.#measure(seconds, error)
    if (error === undefined) return
    const details = { err: error, event_id: delivery.event.id, attempt: delivery.attempt }
    if (delivery.isLastAttempt) this.failed(details, 'An event handler failed for the last time')
    else this.failed(details, 'An event handler failed', 'warn')
  }

  failed(details: object, message: string, level: 'warn' | 'error' = 'error'): undefined {
    this.#errors++
    this.#options.logger[level]({ subscription: this.#options.name, ...details }, message)
    return undefined
  }

  /** Calls `onEnd`. An error in it must not reach the publisher whose event ended the subscription. */
  tellEnd(onEnd: SubscribeOptions['onEnd'], reason: 'queue_full' | 'stopped'): void {
    guarded(
      () => onEnd?.(reason),
      (err) => this.failed({ err }, 'onEnd failed'),
    )()
  }

  /** Stops measuring: the metrics have dropped the series of this name, and a measurement would bring them back. */
  end(): void {
    this.#ended = true
  }

  #measure(seconds: number, error: unknown): void {
    const { metrics, name } = this.#options
    metrics.handlerDuration(name, seconds)
    if (error === undefined) metrics.delivered(name)
    else metrics.handlerError(name)
  }
}

/** @throws TypeError for a promise: all events would have the same key */
function keyText(key: unknown): string | undefined {
  if (!isThenable(key)) return key === undefined ? undefined : String(key)
  Promise.resolve(key).catch(() => undefined)
  throw new TypeError('orderBy must return a string or a number, not a promise')
}
