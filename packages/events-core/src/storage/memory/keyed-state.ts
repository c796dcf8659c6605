import type { StateChanges } from '../contract/commit.ts'
import type { KeyedState, KeyedStateStore, StateSize } from '../contract/keyed-state.ts'
import type { PartitionKey } from '../contract/subscriptions.ts'
import { checkStateKeys } from '../limits.ts'
import { OrderedIndex } from './ordered-index.ts'

/** The state of one partition. */
export class PartitionStates {
  readonly #states = new Map<string, KeyedState>()
  readonly #byDue = new OrderedIndex()
  readonly #byTouched = new OrderedIndex()
  #bytes = 0

  get size(): StateSize {
    return { keys: this.#states.size, bytes: this.#bytes }
  }

  get nextDue(): number | undefined {
    return this.#byDue.lowestRank
  }

  read(keys: readonly string[]): KeyedState[] {
    const states = Array.from(new Set(keys), (key) => this.#states.get(key))
    return states.filter((state) => state !== undefined)
  }

  due(untilMs: number, limit: number): readonly KeyedState[] {
    return this.read(this.#byDue.first(limit, untilMs))
  }

  oldest(limit: number): readonly KeyedState[] {
    return this.read(this.#byTouched.first(limit))
  }

  change({ put, delete: deleted }: Omit<StateChanges, keyof PartitionKey>): void {
    for (const key of deleted) this.#delete(key)
    for (const state of put) this.#put(state)
  }

  #put(state: KeyedState): void {
    const { key, value, dueMs, touched } = state
    this.#delete(key)
    this.#states.set(key, Object.freeze({ key, value, dueMs, touched }))
    this.#bytes += bytesOf(state)
    if (dueMs !== null) this.#byDue.set(key, dueMs)
    this.#byTouched.set(key, touched)
  }

  #delete(key: string): void {
    const state = this.#states.get(key)
    if (state === undefined) return
    this.#states.delete(key)
    this.#bytes -= bytesOf(state)
    this.#byDue.delete(key)
    this.#byTouched.delete(key)
  }
}

function bytesOf({ key, value }: KeyedState): number {
  return Buffer.byteLength(key) + (value === null ? 0 : Buffer.byteLength(value))
}

const NOTHING = new PartitionStates()

export interface MemoryKeyedStateOptions {
  /** Throws while the store is not open. */
  readonly mustBeOpen: () => void
  readonly statesOf: (partition: PartitionKey) => PartitionStates | undefined
}

/** Keyed state in memory. A partition that does not exist has no state. */
export class MemoryKeyedState implements KeyedStateStore {
  readonly #options: MemoryKeyedStateOptions

  constructor(options: MemoryKeyedStateOptions) {
    this.#options = options
  }

  async read(partition: PartitionKey, keys: readonly string[]): Promise<readonly KeyedState[]> {
    const states = this.#of(partition)
    checkStateKeys(keys)
    return states.read(keys)
  }

  async due(partition: PartitionKey, untilMs: number, limit: number): Promise<readonly KeyedState[]> {
    return this.#of(partition).due(untilMs, limit)
  }

  async nextDue(partition: PartitionKey): Promise<number | undefined> {
    return this.#of(partition).nextDue
  }

  async oldest(partition: PartitionKey, limit: number): Promise<readonly KeyedState[]> {
    return this.#of(partition).oldest(limit)
  }

  async size(partition: PartitionKey): Promise<StateSize> {
    return this.#of(partition).size
  }

  #of(partition: PartitionKey): PartitionStates {
    this.#options.mustBeOpen()
    return this.#options.statesOf(partition) ?? NOTHING
  }
}
