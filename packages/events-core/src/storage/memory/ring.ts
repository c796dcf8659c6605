import type { StoredEvent } from '../../event/event.ts'

/** An event with its frequently compared values as numbers. */
export interface MemoryEntry {
  readonly event: StoredEvent
  readonly recordedAtMs: number
  readonly timestampMs: number
  /** The size of title, message, extensions and data as JSON. */
  readonly bytes: number
  /** Infinity for an event that never expires. */
  readonly expiresAtMs: number
}

/** Evicted entries are cut off the array only if there are this many, and more of them than of the others. */
const SPENT_LIMIT = 1024

/**
 * Entries in the order of their positions, which may have holes. Pushing an entry and shifting the oldest cost O(1)
 * (amortised); finding a position costs O(log n); removing from the middle copies the entries after it.
 */
export class MemoryRing {
  #entries: (MemoryEntry | undefined)[] = []
  #start = 0

  get size(): number {
    return this.#entries.length - this.#start
  }

  /** @param index 0 for the oldest */
  at(index: number): MemoryEntry | undefined {
    return index < 0 ? undefined : this.#entries[this.#start + index]
  }

  push(entry: MemoryEntry): void {
    this.#entries.push(entry)
  }

  shift(): MemoryEntry | undefined {
    const oldest = this.at(0)
    if (oldest === undefined) return undefined
    // The slot must release the event now, not when the array is cut.
    this.#entries[this.#start++] = undefined
    if (this.#start >= SPENT_LIMIT && this.#start * 2 >= this.#entries.length) this.#cut()
    return oldest
  }

  /** Returns the index of the first entry beyond a position; the size if there is none. */
  indexAfter(position: number): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      const entry = this.at(middle)
      if (entry !== undefined && entry.event.position <= position) low = middle + 1
      else high = middle
    }
    return low
  }

  removeAt(index: number): void {
    this.#entries.splice(this.#start + index, 1)
  }

  /** Keeps the entries that pass, in a single pass. @returns the removed entries */
  retain(passes: (entry: MemoryEntry) => boolean): MemoryEntry[] {
    const kept: MemoryEntry[] = []
    const removed: MemoryEntry[] = []
    for (const entry of this) (passes(entry) ? kept : removed).push(entry)
    this.#entries = kept
    this.#start = 0
    return removed
  }

  *[Symbol.iterator](): Generator<MemoryEntry> {
    for (let index = this.#start; index < this.#entries.length; index++) {
      const entry = this.#entries[index]
      if (entry !== undefined) yield entry
    }
  }

  #cut(): void {
    this.#entries = this.#entries.slice(this.#start)
    this.#start = 0
  }
}
