import { EventsError } from '../../errors.ts'
import { formatTimestamp } from '../../event/timestamp.ts'
import { compareCodePoints } from '../code-points.ts'
import type { Checkpoint } from '../contract/commit.ts'
import { partitionLease } from '../contract/partition-lease.ts'
import type {
  PartitionKey,
  PartitionState,
  PositionRange,
  SubscriptionStore,
} from '../contract/subscriptions.ts'
import type { MemoryDeadLetters } from './dead-letters.ts'
import { PartitionStates } from './keyed-state.ts'
import type { MemoryLeases } from './leases.ts'

interface Partition {
  position: number
  missed: PositionRange | null
  savedMs: number
  states: PartitionStates
}

interface Entry {
  readonly createdMs: number
  readonly partitions: readonly Partition[]
  paused: boolean
}

export interface MemorySubscriptionsOptions {
  readonly deadLetters: MemoryDeadLetters
  readonly leases: MemoryLeases
  readonly now: () => number
  /** Throws while the store is not open. */
  readonly mustBeOpen: () => void
}

/** Durable subscriptions in memory, which last as long as the store. */
export class MemorySubscriptions implements SubscriptionStore {
  readonly #options: MemorySubscriptionsOptions
  readonly #entries = new Map<string, Entry>()

  constructor(options: MemorySubscriptionsOptions) {
    this.#options = options
  }

  async create(name: string, partitions: number, position: number): Promise<boolean> {
    this.#options.mustBeOpen()
    if (this.#entries.has(name)) return false
    const createdMs = this.#options.now()
    const partition = () => ({
      position,
      missed: null,
      savedMs: createdMs,
      states: new PartitionStates(),
    })
    this.#entries.set(name, {
      createdMs,
      partitions: Array.from({ length: partitions }, partition),
      paused: false,
    })
    return true
  }

  async list(name?: string): Promise<readonly PartitionState[]> {
    this.#options.mustBeOpen()
    const names = name === undefined ? [...this.#entries.keys()].sort(compareCodePoints) : [name]
    return names.flatMap((name) => this.#describe(name))
  }

  async setPaused(name: string, paused: boolean): Promise<boolean> {
    return this.#change(name, (entry) => {
      entry.paused = paused
    })
  }

  async reset(name: string, position: number): Promise<boolean> {
    return this.#change(name, (entry) => {
      for (const partition of entry.partitions)
        Object.assign(partition, { position, missed: null, states: new PartitionStates() })
      this.#revokeLeases(name, entry)
    })
  }

  async rename(name: string, to: string): Promise<boolean> {
    if (name !== to && this.#entries.has(to)) {
      throw new EventsError('EVENTS_CONFLICT', `A durable subscription '${to}' already exists`)
    }
    return this.#change(name, (entry) => {
      for (const revoked of [name, to]) this.#revokeLeases(revoked, entry)
      this.#entries.delete(name)
      this.#entries.set(to, entry)
      this.#options.deadLetters.rename(name, to)
    })
  }

  async delete(name: string): Promise<boolean> {
    return this.#change(name, (entry) => {
      this.#revokeLeases(name, entry)
      this.#entries.delete(name)
      this.#options.deadLetters.forget(name)
    })
  }

  has({ name, partition }: PartitionKey): boolean {
    return this.#entries.get(name)?.partitions[partition] !== undefined
  }

  statesOf({ name, partition }: PartitionKey): PartitionStates | undefined {
    return this.#entries.get(name)?.partitions[partition]?.states
  }

  /** Saves a partition's checkpoint; its position never decreases. Returns whether the subscription is paused. */
  save(checkpoint: Checkpoint): boolean {
    const { entry, partition } = this.#find(checkpoint)
    const { position = 0, missed = partition.missed } = checkpoint
    partition.missed = missed
    if (position > partition.position) {
      partition.position = position
      partition.savedMs = this.#options.now()
    }
    return entry.paused
  }

  #change(name: string, work: (entry: Entry) => void): boolean {
    this.#options.mustBeOpen()
    const entry = this.#entries.get(name)
    if (entry !== undefined) work(entry)
    return entry !== undefined
  }

  #find({ name, partition: number }: PartitionKey): { entry: Entry; partition: Partition } {
    this.#options.mustBeOpen()
    const entry = this.#entries.get(name)
    const partition = entry?.partitions[number]
    if (entry === undefined || partition === undefined) {
      throw new EventsError(
        'EVENTS_NOT_FOUND',
        `There is no durable subscription '${name}' with a partition ${number}`,
      )
    }
    return { entry, partition }
  }

  /** Revokes the leases of all partitions and removes their claims. */
  #revokeLeases(name: string, { partitions }: Entry): void {
    for (const partition of partitions.keys())
      this.#options.leases.revoke(partitionLease({ name, partition }))
  }

  #describe(name: string): PartitionState[] {
    const entry = this.#entries.get(name)
    if (entry === undefined) return []
    const created = formatTimestamp(entry.createdMs)
    return entry.partitions.map(({ position, missed, savedMs }, partition) => ({
      name,
      partition,
      partitions: entry.partitions.length,
      position,
      paused: entry.paused,
      missed,
      ...this.#options.leases.stateOf(partitionLease({ name, partition })),
      created,
      saved: formatTimestamp(savedMs),
    }))
  }
}
