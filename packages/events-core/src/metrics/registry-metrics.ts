import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from 'prom-client'
import { BoundedLabels } from './bounded-labels.ts'
import type { AttachedBus } from './bus-gauges.ts'
import { DROP_REASONS, METRICS, type MetricDefinition } from './definitions.ts'
import { GAUGE_SAMPLES } from './gauge-samples.ts'

export type MetricsRegistry = Registry | Registry<OpenMetricsContentType>

/** prom-client's objects, by the names that the metrics have in `METRICS`. */
type Series = { readonly [Name in keyof typeof METRICS]: SeriesOf<(typeof METRICS)[Name]> }
type SeriesOf<D extends MetricDefinition> = D extends { readonly kind: 'counter' }
  ? Counter<D['labels'][number]>
  : D extends { readonly kind: 'histogram' }
    ? Histogram<D['labels'][number]>
    : Gauge<D['labels'][number]>

/** The event metrics of one registry, which all buses that report to it share: a name can be registered only once. */
export interface RegistryMetrics extends Series {
  readonly types: BoundedLabels
  readonly subscriptions: BoundedLabels
  /** The buses that the gauges are read from. */
  readonly buses: Set<AttachedBus>
}

const metricsOf = new WeakMap<MetricsRegistry, RegistryMetrics>()

/** Returns the registry's event metrics. Registers them first, and again after the registry was cleared. */
export function registryMetrics(register: MetricsRegistry): RegistryMetrics {
  const known = metricsOf.get(register)
  if (known !== undefined && register.getSingleMetric(METRICS.published.name) === known.published)
    return known
  const buses = new Set<AttachedBus>()
  const series = registeredSeries(register, buses)
  // A rate needs a first value to start from, and these series are few and known.
  for (const reason of Object.keys(DROP_REASONS)) series.dropped.inc({ reason }, 0)
  const made = { ...series, types: new BoundedLabels(), subscriptions: new BoundedLabels(), buses }
  metricsOf.set(register, made)
  return made
}

/** Creates each metric from its definition. */
function registeredSeries(register: MetricsRegistry, buses: ReadonlySet<AttachedBus>): Series {
  const made = Object.entries(METRICS).map(([key, definition]: [string, MetricDefinition]) => {
    const { name, kind, help, labels, buckets = [] } = definition
    const options = { name, help, labelNames: labels, registers: [register] }
    if (kind === 'counter') return [key, new Counter(options)]
    if (kind === 'histogram') return [key, new Histogram({ ...options, buckets: [...buckets] })]
    const gauge: Gauge = new Gauge({ ...options, collect: () => collect(gauge, { key, labels, buses }) })
    return [key, gauge]
  })
  // Each entry was made from the definition of that name.
  return Object.fromEntries(made) as Series
}

const SAMPLES = new Map(Object.entries(GAUGE_SAMPLES))

interface GaugeSource {
  readonly key: string
  readonly labels: readonly string[]
  readonly buses: ReadonlySet<AttachedBus>
}

/** Replaces a gauge's samples. Those that are no longer reported are removed. */
async function collect(gauge: Gauge, { key, labels, buses }: GaugeSource): Promise<void> {
  const samples = (await SAMPLES.get(key)?.([...buses])) ?? []
  gauge.reset()
  // A gauge without labels is 0 after a reset; without a value it is to be absent.
  if (samples.length === 0 && labels.length === 0) gauge.remove()
  for (const [labels, value] of samples) gauge.set(labels, value)
}
