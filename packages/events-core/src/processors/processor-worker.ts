import { setTimeout as sleep } from 'node:timers/promises'
import type { HealthCheck, SubscriptionInfo } from '../bus/api.ts'
import { balance } from '../bus/durable/balance.ts'
import { startPosition } from '../bus/durable/start-position.ts'
import { LeaseHolder } from '../bus/workers/lease-holder.ts'
import type { BusHost, BusWorker } from '../bus/workers/worker.ts'
import { EventsError } from '../errors.ts'
import { formatTimestamp } from '../event/timestamp.ts'
import type { WorkerGauges } from '../metrics/metrics.ts'
import { partitionLease } from '../storage/contract/partition-lease.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import { within } from '../within.ts'
import type { ProcessorFigures } from './partition-work.ts'
import type { ProcessorSettings } from './processor.ts'
import { ProcessorRun } from './processor-run.ts'

const RETRY_MS = 500
const STALLED_AFTER_MS = 60_000

/** This process's part in a processor: for each partition it waits for the lease, and runs the partition while it holds the lease. */
export class ProcessorWorker implements BusWorker {
  readonly name: string
  readonly #settings: ProcessorSettings
  readonly #runs = new Map<number, ProcessorRun>()
  #host: BusHost | undefined
  #stopping = new AbortController()
  #loops: Promise<void>[] = []
  #startedMs = 0

  constructor(settings: ProcessorSettings) {
    this.#settings = settings
    this.name = settings.name
  }

  /**
   * Creates the durable subscription unless the store has it, and starts running it.
   * @throws EventsError EVENTS_STORAGE_*; EVENTS_CONFLICT when it exists with another number of partitions, or runs on another
   *   bus; EVENTS_INVALID for a `from` beyond the end of the log
   */
  async start(host: BusHost): Promise<void> {
    const { name, partitions, from } = this.#settings
    if (this.#host !== undefined)
      throw new EventsError(
        'EVENTS_CONFLICT',
        `The processor '${name}' already runs: make another for each bus`,
      )
    const { storage } = host
    const position = await startPosition(storage, from, { of: 'processor', name: 'from' })
    if (!(await storage.subscriptions.create(name, partitions, position)))
      await this.#checkPartitions(storage)
    this.#host = host
    this.#startedMs = host.clock()
    this.#stopping = new AbortController()
    const { signal } = this.#stopping
    this.#loops = Array.from({ length: partitions }, (_, partition) =>
      this.#runPartition({ partition, host, storage, signal }),
    )
    if (partitions > 1) this.#loops.push(this.#balance(host, signal))
  }

  async stop(timeoutMs: number): Promise<Readonly<Record<string, number>> | undefined> {
    this.#stopping.abort()
    const stopped = await Promise.all(Array.from(this.#runs.values(), (run) => run.stop(timeoutMs)))
    await within(timeoutMs, Promise.all(this.#loops))
    this.#host?.metrics.forgetSubscription(this.name)
    this.#host = undefined
    this.#runs.clear()
    const left = stopped.filter((isDone) => !isDone).length
    return left === 0 ? undefined : { [this.name]: left }
  }

  check(): HealthCheck {
    if (!Array.from(this.#runs.values()).some((run) => run.isStalled(STALLED_AFTER_MS)))
      return { status: 'ok' }
    return { status: 'degraded', detail: `'${this.name}' is stalled` }
  }

  gauges(): WorkerGauges {
    const lag = this.#lag
    return {
      figures: { partitions: this.#runs.size, ...this.#figures() },
      lastRunMs: this.#lastRunMs,
      ...(lag !== undefined && { lag: new Map([[this.name, lag]]) }),
    }
  }

  subscriptions(): readonly SubscriptionInfo[] {
    const runs = [...this.#runs.values()]
    const isPaused = runs.length > 0 && runs.every((run) => run.paused)
    const isStalled = runs.some((run) => run.isStalled(STALLED_AFTER_MS))
    return [
      {
        id: this.name,
        name: this.name,
        subscriber: 'processor',
        filter: this.#settings.filter,
        created: formatTimestamp(this.#startedMs),
        last_triggered: this.#lastRunMs === undefined ? null : formatTimestamp(this.#lastRunMs),
        trigger_count: runs.reduce((sum, run) => sum + run.events, 0),
        durable: true,
        state: runs.length === 0 ? 'waiting' : isPaused ? 'paused' : isStalled ? 'stalled' : 'running',
        lag: this.#lag ?? 0,
        in_flight: 0,
        dropped: 0,
        errors: this.#figures().errors,
      },
    ]
  }

  /** Events between what is committed and the end of the log; undefined while other processes run all of it. */
  get #lag(): number | undefined {
    const positions = Array.from(this.#runs.values(), (run) => run.position)
    if (this.#host === undefined || positions.length === 0) return undefined
    return Math.max(0, this.#host.head() - Math.min(...positions))
  }

  /** When calls were last committed in this process. */
  get #lastRunMs(): number | undefined {
    const runs = Array.from(this.#runs.values()).flatMap(({ lastRunMs }) => lastRunMs ?? [])
    return runs.toSorted((a, b) => a - b).at(-1)
  }

  #figures(): ProcessorFigures & Record<string, number> {
    const sum = { keys: 0, state_bytes: 0, shed: 0, errors: 0 }
    for (const { figures } of this.#runs.values()) {
      sum.keys += figures.keys
      sum.state_bytes += figures.state_bytes
      sum.shed += figures.shed
      sum.errors += figures.errors
    }
    return sum
  }

  async #checkPartitions(storage: EventStorage): Promise<void> {
    const { name, partitions } = this.#settings
    const [state] = await storage.subscriptions.list(name)
    const existing = state?.partitions ?? partitions
    if (existing === partitions) return
    throw new EventsError(
      'EVENTS_CONFLICT',
      `The processor '${name}' has ${existing} partitions, not ${partitions}: raise its revision, or ask for ${existing}`,
    )
  }

  #balance({ storage, owner, ...host }: BusHost, signal: AbortSignal): Promise<void> {
    const failed = (err: unknown) => {
      host.metrics.storageError('processor')
      host.logger.warn({ err, processor: this.name }, 'A processor cannot ask for its share; retrying')
    }
    return balance({ ...this.#settings, storage, owner, signal, failed })
  }

  async #runPartition({ partition, host, storage, signal }: PartitionLoop): Promise<void> {
    const { name, leaseMs } = this.#settings
    const key = { name, partition }
    const lease = new LeaseHolder({
      store: storage.leases,
      name: partitionLease(key),
      owner: host.owner,
      leaseMs,
    })
    while (!signal.aborted) {
      try {
        await lease.acquire(signal)
        if (signal.aborted) return await lease.release()
        const run = new ProcessorRun({ settings: this.#settings, partition: key, host, storage, lease })
        this.#runs.set(partition, run)
        await run.run()
        if (this.#runs.get(partition) === run) this.#runs.delete(partition)
        if (run.isGone) return await lease.release()
      } catch (error) {
        if (signal.aborted) return
        host.metrics.storageError('processor')
        host.logger.warn({ err: error, processor: name }, 'A processor cannot get its lease; retrying')
      }
      await sleep(signal.aborted ? 0 : RETRY_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}

interface PartitionLoop {
  readonly partition: number
  readonly host: BusHost
  readonly storage: EventStorage
  readonly signal: AbortSignal
}
