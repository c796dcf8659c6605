import type { AttachedBus } from './bus-gauges.ts'
import type { METRICS } from './definitions.ts'
import type { WorkerGauges } from './metrics.ts'

type Metrics = typeof METRICS
type GaugeName = {
  [Name in keyof Metrics]: Metrics[Name]['kind'] extends 'gauge' ? Name : never
}[keyof Metrics]

/** The samples of one gauge: none while there is nothing to report. */
type Samples = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[]

/** Workers that have samples of their own; further ones share `other`. */
const MAX_WORKERS = 200

/** How each gauge is read, over all buses of a registry. */
export const GAUGE_SAMPLES: Readonly<
  Record<GaugeName, (buses: readonly AttachedBus[]) => Samples | Promise<Samples>>
> = {
  bufferEvents: (buses) => one(sum(buses.map((bus) => bus.read().bufferEvents))),
  bufferCapacity: (buses) => one(sum(buses.map((bus) => bus.read().bufferCapacity))),
  oldestWrite: (buses) => one(largest(buses.map((bus) => bus.read().oldestWriteSeconds))),
  listenUp: (buses) => one(areListening(buses.map((bus) => bus.read().isListening))),
  storedEvents: async (buses) => one(sum(await Promise.all(buses.map((bus) => bus.storedEvents())))),
  deadLetters: async (buses) => one(sum(await Promise.all(buses.map((bus) => bus.deadLetters())))),
  streamClients: (buses) => {
    const clients = totals(buses.flatMap((bus) => [...bus.read().streamClients]))
    return Array.from(clients, ([transport, open]) => [{ transport }, open])
  },
  subscriptionLag: (buses) => {
    const lags = totals(
      buses.flatMap((bus) =>
        Array.from(bus.read().subscriptionLag, ([name, lag]) => [bus.labelOf(name), lag] as const),
      ),
    )
    return Array.from(lags, ([subscription, lag]) => [{ subscription }, lag])
  },
  workerLastRun: (buses) =>
    Array.from(gaugesByWorker(buses)).flatMap(([worker, gauges]) => {
      const lastMs = largest(gauges.flatMap(({ lastRunMs }) => lastRunMs ?? []))
      return lastMs === undefined ? [] : [[{ worker }, lastMs / 1_000] as const]
    }),
  workerFigures: (buses) =>
    Array.from(gaugesByWorker(buses)).flatMap(([worker, gauges]) => {
      const figures = totals(gauges.flatMap(({ figures = {} }) => Object.entries(figures)))
      return Array.from(figures, ([figure, value]) => [{ worker, figure }, value] as const)
    }),
}

function one(value: number | undefined): Samples {
  return value === undefined ? [] : [[{}, value]]
}

/** Returns undefined if one of them is, or if there is none: a partial sum would be taken for the whole. */
function sum(figures: readonly (number | undefined)[]): number | undefined {
  if (figures.length === 0) return undefined
  return figures.reduce((total, figure) =>
    total === undefined || figure === undefined ? undefined : total + figure,
  )
}

function largest(figures: readonly number[]): number | undefined {
  return figures.length === 0 ? undefined : Math.max(...figures)
}

/** Adds up the figures of one label. */
function totals(figures: readonly (readonly [label: string, figure: number])[]): ReadonlyMap<string, number> {
  const byLabel = new Map<string, number>()
  for (const [label, figure] of figures) byLabel.set(label, (byLabel.get(label) ?? 0) + figure)
  return byLabel
}

/** Returns 0 if one of them is false; stores that need no notifications do not count. */
function areListening(buses: readonly (boolean | undefined)[]): number | undefined {
  const answers = buses.filter((isListening) => isListening !== undefined)
  return answers.length === 0 ? undefined : Number(answers.every(Boolean))
}

function gaugesByWorker(buses: readonly AttachedBus[]): ReadonlyMap<string, readonly WorkerGauges[]> {
  const byWorker = new Map<string, WorkerGauges[]>()
  for (const [name, gauges] of buses.flatMap((bus) => [...bus.read().workers])) {
    const worker = byWorker.has(name) || byWorker.size < MAX_WORKERS ? name : 'other'
    byWorker.set(worker, [...(byWorker.get(worker) ?? []), gauges])
  }
  return byWorker
}
