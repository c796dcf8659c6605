import { shown } from '../../check-options.ts'
import { errorText } from '../../describe-error.ts'
import { EventsError } from '../../errors.ts'
import { formatTimestamp } from '../../event/timestamp.ts'
import type { WorkerGauges } from '../../metrics/metrics.ts'
import { within } from '../../within.ts'
import type { HealthCheck, Logger, SubscriptionInfo } from '../api.ts'
import { guarded } from '../guarded.ts'
import type { BusHost, BusWorker } from './worker.ts'

/** The names of the bus's own health checks. */
const TAKEN: readonly string[] = ['bus', 'storage', 'buffer']
/** The time beyond its timeout that a worker gets to stop. */
const GRACE_MS = 100
const NOTHING_LEFT = {}
const WELL: HealthCheck = { status: 'ok' }

/** The background work of one bus. An error of a worker affects only its own figures, or its own stop. */
export class Workers {
  readonly #logger: Logger
  readonly #all = new Map<string, BusWorker>()
  #host: BusHost | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /**
   * Adds a worker, and starts it if the bus runs.
   * @throws EventsError EVENTS_CONFLICT if there is one of that name; whatever its `start` throws
   */
  async add(worker: BusWorker): Promise<void> {
    this.register(worker)
    if (this.#host === undefined) return
    try {
      await worker.start(this.#host)
    } catch (error) {
      this.#all.delete(worker.name)
      throw error
    }
  }

  /** Adds a worker that starts with the bus. @throws EventsError EVENTS_CONFLICT */
  register(worker: BusWorker): void {
    const { name } = worker
    if (TAKEN.includes(name) || this.#all.has(name))
      throw new EventsError(
        'EVENTS_CONFLICT',
        `This bus already has a worker '${name}': give it another name`,
      )
    this.#all.set(name, worker)
  }

  /** Ends a worker and removes it. */
  async remove(worker: BusWorker, timeoutMs: number): Promise<void> {
    if (this.#all.get(worker.name) !== worker) return
    this.#all.delete(worker.name)
    if (this.#host !== undefined) await this.#stop(worker, timeoutMs)
  }

  /** Starts all workers; if one fails to start, stops those before it again. */
  async start(host: BusHost): Promise<void> {
    const started: BusWorker[] = []
    try {
      for (const worker of this.#all.values()) {
        await worker.start(host)
        started.push(worker)
      }
      this.#host = host
    } catch (error) {
      await Promise.all(started.map((worker) => this.#stop(worker, 0)))
      throw error
    }
  }

  /** Stops all workers at the same time. @returns the work that they left undone, by name */
  async stop(timeoutMs: number): Promise<Readonly<Record<string, number>>> {
    if (this.#host === undefined) return NOTHING_LEFT
    this.#host = undefined
    const left = await Promise.all(Array.from(this.#all.values(), (worker) => this.#stop(worker, timeoutMs)))
    return Object.assign({}, ...left)
  }

  /** Returns each worker's check, with its figures, lag and last run. */
  checks(): readonly (readonly [name: string, check: HealthCheck])[] {
    const gauges = this.gauges()
    return Array.from(this.#all.values(), (worker) => {
      const failed = (error: unknown): HealthCheck => ({ status: 'degraded', detail: errorText(error) })
      const check = () => ({ ...figuresOf(gauges.get(worker.name) ?? {}), ...(worker.check?.() ?? WELL) })
      return [worker.name, guarded(check, failed)()] as const
    })
  }

  gauges(): ReadonlyMap<string, WorkerGauges> {
    const gauges = Array.from(this.#all.values(), (worker) => {
      return [
        worker.name,
        guarded(() => copied(worker.gauges?.() ?? {}), this.#failed(worker))() ?? {},
      ] as const
    })
    return new Map(gauges)
  }

  subscriptions(): readonly SubscriptionInfo[] {
    return Array.from(this.#all.values()).flatMap(
      (worker) => guarded(() => worker.subscriptions?.(), this.#failed(worker))() ?? [],
    )
  }

  async #stop(worker: BusWorker, timeoutMs: number): Promise<Readonly<Record<string, number>>> {
    try {
      return (await within(timeoutMs + GRACE_MS, worker.stop(timeoutMs))) ?? NOTHING_LEFT
    } catch (err) {
      this.#logger.error({ err, worker: worker.name }, 'Cannot stop a worker')
      return NOTHING_LEFT
    }
  }

  #failed(worker: BusWorker): (error: unknown) => undefined {
    return (err) => {
      this.#logger.error({ err, worker: worker.name }, 'Cannot read the figures of a worker')
      return undefined
    }
  }
}

/** Copies figures, so that reading the copy cannot fail. @throws TypeError for anything that is not a finite number */
function copied({ lag, lastRunMs, figures }: WorkerGauges): WorkerGauges {
  return {
    lag: new Map(Array.from(lag ?? [], ([name, events]) => [name, figure(events)])),
    figures: Object.fromEntries(Object.entries(figures ?? {}).map(([name, value]) => [name, figure(value)])),
    ...(lastRunMs !== undefined && { lastRunMs: figure(lastRunMs) }),
  }
}

function figure(value: unknown): number {
  if (Number.isFinite(value)) return Number(value)
  throw new TypeError(`A worker's figures must be finite numbers, not ${shown(value)}`)
}

/** Returns a worker's figures in the form of a health check. */
function figuresOf({ figures, lag, lastRunMs }: WorkerGauges): Omit<HealthCheck, 'status'> {
  const lags = [...(lag?.values() ?? [])]
  return {
    ...figures,
    ...(lags.length > 0 && { lag: lags.reduce((sum, events) => sum + events) }),
    ...(lastRunMs !== undefined && { last_run: formatTimestamp(lastRunMs) }),
  }
}
