import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from 'prom-client'
import { BoundedLabels } from './bounded-labels.ts'
import { type AttachedBus, lagByLabel, sum } from './bus-gauges.ts'
import type { DropReason } from './metrics.ts'

export type MetricsRegistry = Registry | Registry<OpenMetricsContentType>

const PUBLISHED = 'viewra_events_published_total'
/** A publish waits for one group commit: from a memory store's microseconds up to the default timeout. */
const PUBLISH_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** From a handler that only looks up to one that times out after the default 30 s. */
const HANDLER_SECONDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30]
const STORAGE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10]
const BATCH_EVENTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000]
const DROP_REASONS = { buffer_full: 0, queue_full: 0, stopped: 0, storage: 0, expired: 0 } satisfies Record<
  DropReason,
  0
>

/** The event metrics of one registry, which all buses that report to it share: a name can be registered only once. */
export interface RegistryMetrics extends Counters, Histograms {
  readonly types: BoundedLabels
  readonly subscriptions: BoundedLabels
  /** The buses that the gauges are sums over. */
  readonly buses: Set<AttachedBus>
}

const metricsOf = new WeakMap<MetricsRegistry, RegistryMetrics>()

/** The registry's event metrics, registered when they are not: at first, and after the registry was cleared. */
export function registryMetrics(register: MetricsRegistry): RegistryMetrics {
  const known = metricsOf.get(register)
  if (known !== undefined && register.getSingleMetric(PUBLISHED) === known.published) return known
  const buses = new Set<AttachedBus>()
  const made = {
    ...counters(register),
    ...histograms(register),
    types: new BoundedLabels(),
    subscriptions: new BoundedLabels(),
    buses,
  }
  registerGauges(register, buses)
  metricsOf.set(register, made)
  return made
}

type Counters = ReturnType<typeof counters>

function counters(register: MetricsRegistry) {
  const registers = [register]
  const dropped = new Counter({
    name: 'viewra_events_dropped_total',
    help: 'Events that were not stored or not delivered, by reason.',
    labelNames: ['reason'],
    registers,
  })
  // A rate needs a first value to start from, and these series are few and known.
  for (const reason of Object.keys(DROP_REASONS)) dropped.inc({ reason }, 0)
  return {
    dropped,
    published: new Counter({
      name: PUBLISHED,
      help: 'Events published, by type and priority band.',
      labelNames: ['type', 'priority'],
      registers,
    }),
    delivered: new Counter({
      name: 'viewra_events_delivered_total',
      help: 'Events that a handler has dealt with, by subscription.',
      labelNames: ['subscription'],
      registers,
    }),
    handlerErrors: new Counter({
      name: 'viewra_events_handler_errors_total',
      help: 'Calls of a handler that failed or timed out, by subscription.',
      labelNames: ['subscription'],
      registers,
    }),
    missed: new Counter({
      name: 'viewra_events_missed_total',
      help: 'Positions that retention removed before a durable subscription had come to them, by subscription.',
      labelNames: ['subscription'],
      registers,
    }),
    storageErrors: new Counter({
      name: 'viewra_events_storage_errors_total',
      help: 'Storage operations that failed, by operation.',
      labelNames: ['operation'],
      registers,
    }),
    payloadMismatches: new Counter({
      name: 'viewra_events_payload_mismatches_total',
      help: 'Events whose payload differs from the schema of their type, by type.',
      labelNames: ['type'],
      registers,
    }),
  }
}

type Histograms = ReturnType<typeof histograms>

function histograms(register: MetricsRegistry) {
  const registers = [register]
  return {
    handlerDuration: new Histogram({
      name: 'viewra_events_handler_duration_seconds',
      help: 'How long calls of a handler took, by subscription.',
      labelNames: ['subscription'],
      buckets: HANDLER_SECONDS,
      registers,
    }),
    publishDuration: new Histogram({
      name: 'viewra_events_publish_duration_seconds',
      help: 'How long publishers waited until their event was stored.',
      buckets: PUBLISH_SECONDS,
      registers,
    }),
    batchSize: new Histogram({
      name: 'viewra_events_batch_size',
      help: 'Events that were written together.',
      buckets: BATCH_EVENTS,
      registers,
    }),
    storageDuration: new Histogram({
      name: 'viewra_events_storage_operation_duration_seconds',
      help: 'How long storage operations took, by operation.',
      labelNames: ['operation'],
      buckets: STORAGE_SECONDS,
      registers,
    }),
  }
}

function registerGauges(register: MetricsRegistry, buses: ReadonlySet<AttachedBus>): void {
  figure(register, 'viewra_events_buffer_events', 'Events that wait to be written.', () =>
    sum([...buses].map((bus) => bus.read().bufferEvents)),
  )
  figure(register, 'viewra_events_buffer_capacity', 'Events that may wait to be written.', () =>
    sum([...buses].map((bus) => bus.read().bufferCapacity)),
  )
  figure(
    register,
    'viewra_events_oldest_write_seconds',
    'How long the store has had the oldest write that it has not answered; 0 while there is none.',
    () => largest([...buses].map((bus) => bus.read().oldestWriteSeconds)),
  )
  figure(
    register,
    'viewra_events_listen_up',
    "1 while the store tells of other processes' events, 0 while they are only polled for; absent where nothing can break.",
    () => areListening([...buses].map((bus) => bus.read().isListening)),
  )
  figure(
    register,
    'viewra_events_stored_events',
    'Events in the store; absent while it cannot be asked.',
    async () => sum(await Promise.all([...buses].map((bus) => bus.storedEvents()))),
  )
  figure(
    register,
    'viewra_events_dead_letters',
    'Dead letters in the store; absent while it cannot be asked.',
    async () => sum(await Promise.all([...buses].map((bus) => bus.deadLetters()))),
  )
  const clients: Gauge<'transport'> = new Gauge({
    name: 'viewra_events_stream_clients',
    help: 'Open streams, by the name that whoever opened them gave.',
    labelNames: ['transport'],
    registers: [register],
    collect: () => {
      clients.reset()
      for (const bus of buses)
        for (const [transport, open] of bus.read().streamClients) clients.inc({ transport }, open)
    },
  })
  const lag: Gauge<'subscription'> = new Gauge({
    name: 'viewra_events_subscription_lag',
    help: 'Events that wait or are being handled, by subscription.',
    labelNames: ['subscription'],
    registers: [register],
    collect: () => {
      lag.reset()
      for (const [subscription, events] of lagByLabel(buses)) lag.set({ subscription }, events)
    },
  })
}

/** 0 when one of them is not; those that need no listening do not count. */
function areListening(buses: readonly (boolean | undefined)[]): Figure {
  const answers = buses.filter((isListening) => isListening !== undefined)
  return answers.length === 0 ? undefined : Number(answers.every(Boolean))
}

function largest(figures: readonly number[]): Figure {
  return figures.length === 0 ? undefined : Math.max(...figures)
}

type Figure = number | undefined

/** A gauge of one figure, which is asked for at each scrape; while it is undefined there is no sample. */
function figure(
  register: MetricsRegistry,
  name: string,
  help: string,
  ask: () => Figure | Promise<Figure>,
): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    registers: [register],
    collect: async () => {
      const value = await ask()
      if (value === undefined) gauge.remove()
      else gauge.set(value)
    },
  })
}
