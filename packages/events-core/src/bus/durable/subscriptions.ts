import { checkOptions, type OptionRule } from '../../check-options.ts'
import { EventsError } from '../../errors.ts'
import type { WorkerGauges } from '../../metrics/metrics.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'
import type { PartitionState, PositionRange } from '../../storage/contract/subscriptions.ts'
import type {
  DurableSubscriptionInfo,
  HealthCheck,
  StartPosition,
  Subscription,
  SubscriptionInfo,
} from '../api.ts'
import { nameRule, startRule } from '../delivery/settings.ts'
import type { BusSettings } from '../settings.ts'
import type { BusHost, BusWorker } from '../workers/worker.ts'
import { startPosition } from './start-position.ts'
import type { DurableHost, DurableSubscription } from './subscription.ts'

type CreateDurable = (id: string, host: DurableHost) => DurableSubscription

/**
 * Durable subscriptions by name: those in which this process takes part, and the state of all in the store. Every method
 * that reads or changes the store fails with EVENTS_NOT_RUNNING while the bus is not running.
 */
export class DurableSubscriptions implements BusWorker {
  readonly name = 'subscriptions'
  readonly #settings: Pick<BusSettings, 'storage' | 'metrics' | 'logger' | 'now'>
  readonly #openStorage: () => EventStorage
  readonly #active = new Map<string, DurableSubscription>()
  /** Subscriptions that accept no more events and still wait for running calls. */
  readonly #leaving = new Set<DurableSubscription>()
  #made = 0
  #host: BusHost | undefined

  /** @param openStorage returns the open store, or throws EVENTS_NOT_RUNNING */
  constructor(
    settings: Pick<BusSettings, 'storage' | 'metrics' | 'logger' | 'now'>,
    openStorage: () => EventStorage,
  ) {
    this.#settings = settings
    this.#openStorage = openStorage
  }

  /**
   * Takes part in a subscription: at once, or when the bus starts.
   * @throws EventsError EVENTS_CONFLICT if the bus or the store has another subscription of that name; EVENTS_STORAGE_*
   */
  async add(name: string, create: CreateDurable): Promise<Subscription> {
    if (this.#active.has(name)) {
      throw new EventsError('EVENTS_CONFLICT', `This bus already runs a durable subscription '${name}'`)
    }
    const subscription = create(`durable-${++this.#made}`, {
      ...this.#settings,
      ending: (ending) => this.#remove(ending),
      ended: (ended) => this.#leaving.delete(ended),
    })
    this.#active.set(name, subscription)
    if (this.#host !== undefined) await this.#startNow(subscription, this.#host)
    return subscription
  }

  /** Starts the subscriptions that were added before the start: all of them or, if the store fails, none. */
  async start(host: BusHost): Promise<void> {
    for (const subscription of this.#active.values()) await subscription.prepare()
    this.#host = host
    for (const subscription of this.#active.values()) subscription.start(host)
  }

  /** Waits for running calls and ends all subscriptions. @returns the calls still running, by name */
  async stop(timeoutMs: number): Promise<Readonly<Record<string, number>>> {
    this.#host = undefined
    const left = Array.from([...this.#active.values(), ...this.#leaving], async (subscription) => {
      return [subscription.name, await subscription.drain(timeoutMs)] as const
    })
    return Object.fromEntries((await Promise.all(left)).filter(([, count]) => count > 0))
  }

  check(): HealthCheck {
    const { size: active } = this.#active
    const stalled = Array.from(this.#active.values()).filter((subscription) => subscription.isStalled)
    if (stalled.length === 0) return { status: 'ok', active }
    return {
      status: 'degraded',
      active,
      detail: stalled.map(({ name }) => `'${name}' is stalled`).join(', '),
    }
  }

  /** Returns the lag of each subscription, without those that another process runs. */
  gauges(): WorkerGauges {
    const active = [...this.#active.values()]
    const lag = active.flatMap(({ name, lag }) => (lag === undefined ? [] : [[name, lag] as const]))
    const runs = active.flatMap(({ lastRunMs }) => lastRunMs ?? [])
    return { lag: new Map(lag), lastRunMs: runs.toSorted((a, b) => a - b).at(-1) }
  }

  subscriptions(): readonly SubscriptionInfo[] {
    return Array.from(this.#active.values(), (subscription) => subscription.info())
  }

  /** Returns all subscriptions in the store, by name, whichever process runs them. */
  async list(): Promise<readonly DurableSubscriptionInfo[]> {
    const storage = this.#openStorage()
    const [states, head] = await Promise.all([storage.subscriptions.list(), storage.head()])
    const byName = Map.groupBy(states, (state) => state.name)
    return Array.from(byName, ([name, partitions]) => describe(name, partitions, head.position))
  }

  /** Stops calling the handler, in every process, until `resume`. */
  async pause(name: string): Promise<void> {
    await this.#change(name, (storage) => storage.subscriptions.setPaused(name, true))
  }

  async resume(name: string): Promise<void> {
    await this.#change(name, (storage) => storage.subscriptions.setPaused(name, false))
  }

  /** Moves it to another position: backwards, which handles events again, or forwards, which skips events. */
  async reset(name: string, to: StartPosition): Promise<void> {
    checkOptions('reset', { to }, { to: startRule })
    const storage = this.#openStorage()
    const position = await startPosition(storage, to, { of: 'reset', name: 'to' })
    await this.#change(name, () => storage.subscriptions.reset(name, position))
  }

  /** Renames it. Handlers that run under the old name end; subscribe again under the new name. */
  async rename(name: string, to: string): Promise<void> {
    const rules: Readonly<Record<string, OptionRule>> = { to: nameRule }
    checkOptions('rename', { to }, rules)
    await this.#change(name, (storage) => storage.subscriptions.rename(name, to))
  }

  /** Deletes it with its checkpoint and its dead letters; handlers that run under the name end. */
  async delete(name: string): Promise<void> {
    await this.#change(name, (storage) => storage.subscriptions.delete(name))
  }

  /** Makes this process's part read the store now instead of at its next renewal. */
  changed(name: string | undefined): void {
    for (const subscription of this.#active.values()) {
      if (name === undefined || subscription.name === name) subscription.changed()
    }
  }

  async #startNow(subscription: DurableSubscription, host: BusHost): Promise<void> {
    try {
      await subscription.prepare()
    } catch (error) {
      this.#active.delete(subscription.name)
      throw error
    }
    subscription.start(host)
  }

  async #change(name: string, work: (storage: EventStorage) => Promise<boolean>): Promise<void> {
    if (!(await work(this.#openStorage()))) {
      throw new EventsError('EVENTS_NOT_FOUND', `There is no durable subscription '${name}'`)
    }
    this.changed(name)
  }

  #remove(subscription: DurableSubscription): void {
    const { name } = subscription
    this.#leaving.add(subscription)
    this.#active.delete(name)
    this.#settings.metrics.forgetSubscription(name)
  }
}

/** Returns the missed range of all partitions, each of which passes over the same part of the log. */
function missedBy(partitions: readonly PartitionState[]): PositionRange | null {
  const ranges = partitions.flatMap(({ missed }) => missed ?? [])
  if (ranges.length === 0) return null
  return {
    from: Math.min(...ranges.map(({ from }) => from)),
    to: Math.max(...ranges.map(({ to }) => to)),
  }
}

function describe(
  name: string,
  partitions: readonly PartitionState[],
  head: number,
): DurableSubscriptionInfo {
  const position = Math.min(...partitions.map((partition) => partition.position))
  const owners = new Set(partitions.flatMap((partition) => partition.owner ?? []))
  const isPaused = partitions.every((partition) => partition.paused)
  const saved = partitions.map((partition) => partition.saved).toSorted()
  return {
    name,
    partitions: partitions.length,
    position,
    lag: Math.max(0, head - position),
    missed: missedBy(partitions),
    state: isPaused ? 'paused' : owners.size > 0 ? 'running' : 'waiting',
    owners: [...owners],
    created: partitions[0]?.created ?? '',
    saved: saved.at(-1) ?? '',
  }
}
