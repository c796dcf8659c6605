import type { KeyedState } from '../storage/contract/keyed-state.ts'

const MAX_BYTES = 32 * 2 ** 20
/** A key and its entry, without the text of the state. */
const ENTRY_BYTES = 200

/**
 * The committed state of the keys that were used last, and which keys have none. While it holds the whole state, nothing has to
 * be read from the store.
 */
export class StateCache {
  readonly #maxKeys: number
  /** Least recently used first; null for a key without state. */
  readonly #states = new Map<string, KeyedState | null>()
  #bytes = 0
  #isWhole = false

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  /** Whether it is known what the store has for a key. */
  knows(key: string): boolean {
    return this.#isWhole || this.#states.has(key)
  }

  get(key: string): KeyedState | undefined {
    const state = this.#states.get(key)
    if (state === undefined) return undefined
    this.#states.delete(key)
    this.#states.set(key, state)
    return state ?? undefined
  }

  /** Loads the whole state. */
  loadAll(states: readonly KeyedState[]): void {
    for (const state of states) this.put(state.key, state)
    this.#isWhole = true
  }

  /** Loads what the store has for some keys. */
  load(keys: readonly string[], states: readonly KeyedState[]): void {
    for (const key of keys) this.put(key, undefined)
    for (const state of states) this.put(state.key, state)
  }

  put(key: string, state: KeyedState | undefined): void {
    const before = this.#states.get(key)
    if (before !== undefined) this.#bytes -= sizeOf(before)
    this.#states.delete(key)
    // Of a whole state, what is not here is not there.
    if (state === undefined && this.#isWhole) return
    this.#states.set(key, state ?? null)
    this.#bytes += sizeOf(state ?? null)
  }

  /** Evicts the least recently used. Call it between batches only: a batch needs what was loaded for it. */
  trim(): void {
    for (const [key, state] of this.#states) {
      if (this.#states.size <= this.#maxKeys && this.#bytes <= MAX_BYTES) break
      this.#states.delete(key)
      this.#bytes -= sizeOf(state)
      this.#isWhole = false
    }
  }
}

function sizeOf(state: KeyedState | null): number {
  return ENTRY_BYTES + (state?.value?.length ?? 0)
}
