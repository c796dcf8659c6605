import { setTimeout as sleep } from 'node:timers/promises'
import { EventsError, isEventsError } from '../../errors.ts'
import type { EventFilter } from '../../filter/filter.ts'
import type { EventMetrics } from '../../metrics/metrics.ts'
import { partitionLease } from '../../storage/contract/partition-lease.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'
import type { PartitionState } from '../../storage/contract/subscriptions.ts'
import { within } from '../../within.ts'
import type { EventHandler, Logger, Subscription, SubscriptionInfo } from '../api.ts'
import { DeliveryQueue, type DeliveryQueueOptions } from '../delivery/delivery-queue.ts'
import { HandlerRecord } from '../delivery/handler-stats.ts'
import type { DurableSettings } from '../delivery/settings.ts'
import { LeaseHolder } from '../workers/lease-holder.ts'
import type { BusHost } from '../workers/worker.ts'
import { balance } from './balance.ts'
import { failureOf } from './failure.ts'
import { partitionOf } from './partition-of.ts'
import { PartitionRun } from './partition-run.ts'
import { DeadLetterLane } from './side-lane.ts'
import { startPosition } from './start-position.ts'

/** The parts of a bus that a durable subscription needs, whether the bus runs or not. */
export interface DurableHost {
  readonly storage: EventStorage
  readonly metrics: EventMetrics
  readonly logger: Logger
  readonly now: () => number
  /** Called once, when the subscription accepts no more events: from then on its name is free. */
  readonly ending: (subscription: DurableSubscription) => void
  /** Called once, when the subscription has ended in this process. */
  readonly ended: (subscription: DurableSubscription) => void
}

const RETRY_MS = 500
const STALLED_AFTER_MS = 60_000
/** The time that a store gets to answer calls made before the stop. */
const LAST_ANSWER_MS = 1_000

/**
 * This process's part in a durable subscription: for each partition, it waits for the lease and runs the partition while it
 * holds the lease.
 *
 * `start` → active → `unsubscribe` or `drain` → ended. The saved state stays, for the next process.
 */
export class DurableSubscription implements Subscription {
  readonly id: string
  readonly filter: EventFilter
  readonly #handler: EventHandler
  readonly #settings: DurableSettings
  readonly #host: DurableHost
  /** Undefined before the start. */
  #bus: BusHost | undefined
  readonly #record: HandlerRecord
  readonly #lane: DeadLetterLane
  readonly #stopping = new AbortController()
  readonly #runs = new Map<number, PartitionRun>()
  readonly #loops: Promise<void>[] = []
  #stopped: Promise<number> | undefined

  constructor(
    id: string,
    filter: EventFilter,
    handler: EventHandler,
    settings: DurableSettings,
    host: DurableHost,
  ) {
    this.id = id
    this.filter = filter
    this.#handler = handler
    this.#settings = settings
    this.#host = host
    this.#record = new HandlerRecord({ ...host, name: settings.name })
    this.#lane = new DeadLetterLane({
      subscription: settings.name,
      store: host.storage.deadLetters,
      commit: (lease, changes) => host.storage.commit(lease, changes),
      createQueue: (finished) => this.#createQueue({ finished, mayStart: () => true, wanted: () => true }, 1),
      lease: () => {
        const run = this.#runs.get(0)
        return run?.mayHandle ? run.lease : undefined
      },
      attempts: settings.retry.attempts,
      failed: (error) => this.#storageFailed(error, 'Cannot retry dead letters; trying again'),
    })
  }

  get name(): string {
    return this.#settings.name
  }

  /** Positions between the checkpoint and the end of the log; undefined while another process runs the subscription. */
  get lag(): number | undefined {
    const positions = Array.from(this.#runs.values(), (run) => run.position)
    if (this.#bus === undefined || positions.length === 0) return undefined
    return Math.max(0, this.#bus.head() - Math.min(...positions))
  }

  /** The time of the handler's last call in this process. */
  get lastRunMs(): number | undefined {
    return this.#record.lastTriggeredMs
  }

  /** True if there is work but there was no progress for a minute. */
  get isStalled(): boolean {
    return Array.from(this.#runs.values()).some((run) => run.isStalled(STALLED_AFTER_MS))
  }

  /**
   * Creates the subscription in the store, unless it exists.
   * @throws EventsError EVENTS_STORAGE_*; EVENTS_CONFLICT if it exists with another number of partitions; EVENTS_INVALID if
   *   it would begin beyond the end of the log
   */
  async prepare(): Promise<void> {
    const { storage } = this.#host
    const { name, partitions, from } = this.#settings
    const position = await startPosition(storage, from, { of: 'subscribe options', name: 'from' })
    const isNew = await storage.subscriptions.create(name, partitions, position)
    if (!isNew) await this.#checkPartitions()
  }

  /** Starts running the subscription, which must be prepared. */
  start(bus: BusHost): void {
    this.#bus = bus
    const { partitions } = this.#settings
    for (let partition = 0; partition < partitions; partition++)
      this.#loops.push(this.#runPartition(partition, bus))
    if (partitions > 1) this.#loops.push(this.#balance(bus))
  }

  async unsubscribe(): Promise<void> {
    this.#stopped ??= this.#stop(this.#settings.handlerTimeoutMs)
  }

  /** Waits for running calls, saves the positions and releases the leases. Returns the number of calls still running. */
  async drain(timeoutMs: number): Promise<number> {
    if (this.#stopped === undefined) {
      this.#stopped = this.#stop(timeoutMs)
      return this.#stopped.finally(() => this.#record.tellEnd(this.#settings.onEnd, 'stopped'))
    }
    // `unsubscribe` was called before and waits without a limit; this caller waits only for `timeoutMs`.
    return (await within(timeoutMs, this.#stopped)) ?? this.#inFlight
  }

  /** Called after the subscription was changed in the store. */
  changed(): void {
    // A renewal also checks for retry requests.
    for (const run of this.#runs.values()) run.renewNow()
  }

  info(): SubscriptionInfo {
    const runs = [...this.#runs.values()]
    return {
      id: this.id,
      name: this.name,
      subscriber: this.#settings.subscriber,
      filter: this.filter,
      ...this.#record.info(),
      durable: true,
      state: this.#state(runs),
      lag: this.lag ?? 0,
      in_flight: this.#inFlight,
      dropped: 0,
    }
  }

  get #inFlight(): number {
    return Array.from(this.#runs.values()).reduce((sum, run) => sum + run.inFlight, 0)
  }

  #state(runs: readonly PartitionRun[]): SubscriptionInfo['state'] {
    if (runs.length === 0) return 'waiting'
    if (runs.every((run) => run.paused)) return 'paused'
    return this.isStalled ? 'stalled' : 'running'
  }

  async #checkPartitions(): Promise<void> {
    const { name, partitions } = this.#settings
    const [state] = await this.#host.storage.subscriptions.list(name)
    const existing = state?.partitions ?? partitions
    if (existing === partitions) return
    throw new EventsError(
      'EVENTS_CONFLICT',
      `The durable subscription '${name}' has ${existing} partitions, not ${partitions}: delete it first, or use ${existing}`,
    )
  }

  async #runPartition(partition: number, bus: BusHost): Promise<void> {
    const { storage, owner } = bus
    const { name, leaseMs } = this.#settings
    const leaseName = partitionLease({ name, partition })
    const lease = new LeaseHolder({ store: storage.leases, name: leaseName, owner, leaseMs })
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await lease.acquire(signal)
        if (signal.aborted) return await lease.release()
        const from = await this.#partitionState(storage, partition)
        const run = new PartitionRun(this.#partitionOptions(partition, bus), lease, from)
        this.#runs.set(partition, run)
        await run.run()
      } catch (error) {
        if (!signal.aborted) await this.#acquireFailed(error)
      }
      if (!signal.aborted) this.#runs.delete(partition)
    }
  }

  /** @throws EventsError EVENTS_NOT_FOUND if the subscription was deleted or renamed; EVENTS_STORAGE_* */
  async #partitionState(storage: EventStorage, partition: number): Promise<PartitionState> {
    const { name } = this.#settings
    const states = await storage.subscriptions.list(name)
    const state = states.find((candidate) => candidate.partition === partition)
    if (state !== undefined) return state
    throw new EventsError(
      'EVENTS_NOT_FOUND',
      `There is no durable subscription '${name}' with a partition ${partition}`,
    )
  }

  #balance({ storage, owner }: BusHost): Promise<void> {
    const { signal } = this.#stopping
    const failed = (error: unknown) =>
      this.#storageFailed(error, 'Cannot claim a share of a durable subscription; retrying')
    return balance({ ...this.#settings, storage, owner, signal, failed })
  }

  async #acquireFailed(error: unknown): Promise<void> {
    if (isEventsError(error) && error.code === 'EVENTS_NOT_FOUND') {
      this.#host.logger.warn({ subscription: this.name }, 'The durable subscription was deleted or renamed')
      void this.drain(0)
      return
    }
    this.#storageFailed(error, 'Cannot acquire the lease of a durable subscription; retrying')
    await sleep(RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
  }

  #partitionOptions(partition: number, bus: BusHost): ConstructorParameters<typeof PartitionRun>[0] {
    const { storage, metrics, logger } = bus
    const { name, partitions, concurrency, retry, orderBy } = this.#settings
    return {
      ...this.#settings,
      read: (after, signal) => bus.read(this.filter, after, signal),
      metrics,
      logger,
      isOwn: (event) =>
        partitions === 1 || partitionOf(this.#record.keyOf(event, orderBy) ?? '', partitions) === partition,
      createQueue: (hooks) => this.#createQueue(hooks, concurrency),
      partition,
      commit: (lease, changes) => storage.commit(lease, changes),
      failureOf: (event, error) => failureOf(name, event, error, retry.attempts),
      renewed: () => partition === 0 && void this.#lane.look(),
    }
  }

  #createQueue(
    hooks: Pick<DeliveryQueueOptions, 'finished' | 'mayStart'> &
      Partial<Pick<DeliveryQueueOptions, 'wanted'>>,
    concurrency: number,
  ): DeliveryQueue {
    const { retry, handlerTimeoutMs, orderBy } = this.#settings
    return new DeliveryQueue({
      wanted: (event) => !this.#record.isExpired(event),
      ...hooks,
      handler: this.#handler,
      subscription: this,
      retry,
      handlerTimeoutMs,
      clock: this.#record.clock,
      concurrency,
      keyOf: orderBy && concurrency > 1 ? (event) => this.#record.keyOf(event, orderBy) : undefined,
      looked: () => this.#record.look(),
      called: (delivery, seconds, error) => this.#record.called(delivery, seconds, error),
    })
  }

  async #stop(timeoutMs: number): Promise<number> {
    this.#stopping.abort()
    this.#host.ending(this)
    const runs = Array.from(this.#runs.values(), (run) => run.stop(timeoutMs))
    const left = await Promise.all([this.#lane.stop(timeoutMs), ...runs])
    await within(LAST_ANSWER_MS, Promise.all(this.#loops))
    this.#record.end()
    this.#host.ended(this)
    return left.reduce((sum, count) => sum + count, 0)
  }

  #storageFailed(error: unknown, message: string): void {
    this.#host.metrics.storageError('subscription')
    this.#host.logger.warn({ err: error, subscription: this.name }, message)
  }
}
