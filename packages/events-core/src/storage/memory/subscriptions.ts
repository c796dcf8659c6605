import { EventsError } from '../../errors.ts'
import { formatTimestamp } from '../../event/timestamp.ts'
import type {
  HeldLease,
  Lease,
  LeaseAnswer,
  LeaseSign,
  PartitionKey,
  PartitionState,
  PositionRange,
  Progress,
  SubscriptionStore,
} from '../contract/subscriptions.ts'
import type { MemoryDeadLetters } from './dead-letters.ts'

interface Partition {
  position: number
  token: number
  beat: number
  owner: string | null
  claim: string | null
  missed: PositionRange | null
  savedMs: number
}

interface Entry {
  readonly createdMs: number
  readonly partitions: readonly Partition[]
  paused: boolean
}

export interface MemorySubscriptionsOptions {
  readonly deadLetters: MemoryDeadLetters
  readonly now: () => number
  /** Throws while the store is not open. */
  readonly mustBeOpen: () => void
}

/** Durable subscriptions in memory: they last as long as the store. */
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
      token: randomToken(),
      beat: 0,
      owner: null,
      claim: null,
      missed: null,
      savedMs: createdMs,
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
    const names = name === undefined ? [...this.#entries.keys()].sort() : [name]
    return names.flatMap((name) => describe(name, this.#entries.get(name)))
  }

  async acquire(key: PartitionKey, owner: string, stale?: LeaseSign): Promise<LeaseAnswer> {
    const { entry, partition } = this.#find(key)
    const isFree = partition.owner === null && (partition.claim ?? owner) === owner
    const isStale = stale?.token === partition.token && stale.beat === partition.beat
    if (!isFree && !isStale)
      return { acquired: false, sign: { token: partition.token, beat: partition.beat } }
    partition.token++
    partition.beat++
    partition.owner = owner
    partition.claim = null
    return { acquired: true, lease: leaseOf(entry, partition) }
  }

  async renew(key: PartitionKey, token: number, progress: Progress = {}): Promise<Lease | undefined> {
    this.#options.mustBeOpen()
    const entry = this.#entries.get(key.name)
    const partition = entry?.partitions[key.partition]
    if (entry === undefined || partition?.token !== token) return undefined
    partition.beat++
    const { position = 0, missed = partition.missed } = progress
    partition.missed = missed
    if (position > partition.position) {
      partition.position = position
      partition.savedMs = this.#options.now()
    }
    return leaseOf(entry, partition)
  }

  async claim({ name, partition: number }: PartitionKey, owner: string, claimant: string): Promise<boolean> {
    this.#options.mustBeOpen()
    const partition = this.#entries.get(name)?.partitions[number]
    if (partition?.owner !== owner || partition.claim !== null) return false
    partition.claim = claimant
    return true
  }

  async release(key: PartitionKey, token: number): Promise<void> {
    this.#options.mustBeOpen()
    const partition = this.#entries.get(key.name)?.partitions[key.partition]
    if (partition?.token === token) partition.owner = null
  }

  async setPaused(name: string, paused: boolean): Promise<boolean> {
    return this.#change(name, (entry) => {
      entry.paused = paused
    })
  }

  async reset(name: string, position: number): Promise<boolean> {
    return this.#change(name, (entry) => {
      for (const partition of entry.partitions) Object.assign(partition, { position, missed: null })
      takeLeases(entry)
    })
  }

  async rename(name: string, to: string): Promise<boolean> {
    if (name !== to && this.#entries.has(to)) {
      throw new EventsError('EVENTS_CONFLICT', `There is a durable subscription '${to}' already`)
    }
    return this.#change(name, (entry) => {
      takeLeases(entry)
      this.#entries.delete(name)
      this.#entries.set(to, entry)
      this.#options.deadLetters.rename(name, to)
    })
  }

  async delete(name: string): Promise<boolean> {
    return this.#change(name, () => {
      this.#entries.delete(name)
      this.#options.deadLetters.forget(name)
    })
  }

  /** Whether the lease is still held. */
  holds({ name, partition, token }: HeldLease): boolean {
    return this.#entries.get(name)?.partitions[partition]?.token === token
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
}

function leaseOf({ paused }: Entry, { token, position, claim }: Partition): Lease {
  return { token, position, paused, claimed: claim !== null }
}

/** A new token fences whoever holds the lease; without an owner the next one need not wait. */
function takeLeases(entry: Entry): void {
  for (const partition of entry.partitions) {
    partition.token++
    partition.owner = null
    partition.claim = null
  }
}

function describe(name: string, entry: Entry | undefined): PartitionState[] {
  if (entry === undefined) return []
  const created = formatTimestamp(entry.createdMs)
  return entry.partitions.map(({ position, missed, owner, claim, savedMs }, partition) => ({
    name,
    partition,
    partitions: entry.partitions.length,
    position,
    paused: entry.paused,
    missed,
    owner,
    claim,
    created,
    saved: formatTimestamp(savedMs),
  }))
}

/** Not from the start again: the holder of a subscription of this name that was deleted still has its token. */
function randomToken(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0
}
