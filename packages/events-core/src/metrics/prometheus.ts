import { CATALOGUE } from '../catalogue/catalogue.ts'
import { checkOptions, integer, object } from '../check-options.ts'
import { invalid } from '../errors.ts'
import { priorityName } from '../event/priority.ts'
import { LabelHolder } from './bounded-labels.ts'
import { AttachedBus } from './bus-gauges.ts'
import type { BusGauges, DropReason, EventMetrics } from './metrics.ts'
import { type MetricsRegistry, type RegistryMetrics, registryMetrics } from './registry-metrics.ts'

export interface PrometheusMetricsOptions {
  /** Where the metrics are registered. Several buses may share one registry: their counts and gauges are added up. */
  readonly register: MetricsRegistry
  /**
   * The number of types, beyond the built-in ones, that are counted under their own name, per registry; further ones
   * count as `other`. 200 by default.
   */
  readonly maxTypes?: number
  /** The number of subscriptions that are counted under their own name, likewise. 200 by default. */
  readonly maxSubscriptions?: number
}

/**
 * Exposes what a bus measures as Prometheus series. Use one for each bus.
 * @throws EventsError EVENTS_INVALID for an invalid or unknown option
 *
 * @example
 * const register = new Registry()
 * const bus = createEventBus({ metrics: prometheusMetrics({ register }) })
 * await register.metrics()
 */
export function prometheusMetrics(options: PrometheusMetricsOptions): EventMetrics {
  const { register, maxTypes = 200, maxSubscriptions = 200 } = options
  checkOptions('prometheusMetrics', options, {
    register: object,
    maxTypes: integer(0),
    maxSubscriptions: integer(0),
  })
  if (register === undefined) {
    throw invalid('prometheusMetrics', [{ path: 'register', message: 'is missing' }])
  }
  return new PrometheusMetrics(registryMetrics(register), { maxTypes, maxSubscriptions })
}

const BUILT_IN: ReadonlySet<string> = new Set(CATALOGUE.map((definition) => definition.type))

/** Labels are passed to prom-client as objects: counting with children cached per label, `counter.labels(…)`, is no faster. */
class PrometheusMetrics implements EventMetrics {
  readonly #shared: RegistryMetrics
  readonly #types: LabelHolder
  readonly #subscriptions: LabelHolder

  constructor(shared: RegistryMetrics, limits: { maxTypes: number; maxSubscriptions: number }) {
    this.#shared = shared
    this.#types = new LabelHolder(shared.types, limits.maxTypes)
    this.#subscriptions = new LabelHolder(shared.subscriptions, limits.maxSubscriptions)
  }

  published(type: string, priority: number): void {
    this.#shared.published.inc({ type: this.#typeLabel(type), priority: priorityName(priority) })
  }

  delivered(subscription: string, events?: number): void {
    this.#shared.delivered.inc({ subscription: this.#subscriptions.labelOf(subscription) }, events)
  }

  dropped(reason: DropReason, count: number): void {
    this.#shared.dropped.inc({ reason }, count)
  }

  handlerError(subscription: string): void {
    this.#shared.handlerErrors.inc({ subscription: this.#subscriptions.labelOf(subscription) })
  }

  missed(subscription: string, positions: number): void {
    this.#shared.missed.inc({ subscription: this.#subscriptions.labelOf(subscription) }, positions)
  }

  handlerDuration(subscription: string, seconds: number): void {
    this.#shared.handlerDuration.observe({ subscription: this.#subscriptions.labelOf(subscription) }, seconds)
  }

  publishDuration(seconds: number): void {
    this.#shared.publishDuration.observe(seconds)
  }

  batchSize(events: number): void {
    this.#shared.batchSize.observe(events)
  }

  storageOperation(operation: string, seconds: number): void {
    this.#shared.storageDuration.observe({ operation }, seconds)
  }

  storageError(operation: string): void {
    this.#shared.storageErrors.inc({ operation })
  }

  payloadMismatch(type: string): void {
    this.#shared.payloadMismatches.inc({ type: this.#typeLabel(type) })
  }

  attach(gauges: () => BusGauges): () => void {
    const bus = new AttachedBus(gauges, (subscription) => this.#subscriptions.labelOf(subscription))
    this.#shared.buses.add(bus)
    return () => {
      this.#shared.buses.delete(bus)
    }
  }

  /** Keeps the series while another bus on the registry has a subscription of that name. */
  forgetSubscription(subscription: string): void {
    if (!this.#subscriptions.release(subscription)) return
    this.#shared.delivered.remove({ subscription })
    this.#shared.handlerErrors.remove({ subscription })
    this.#shared.missed.remove({ subscription })
    this.#shared.handlerDuration.remove({ subscription })
  }

  #typeLabel(type: string): string {
    return BUILT_IN.has(type) ? type : this.#types.labelOf(type)
  }
}
