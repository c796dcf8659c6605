import { compareCodePoints } from '../code-points.ts'

interface Item {
  readonly rank: number
  readonly key: string
}

/** Outdated items are removed only if there are this many, and more of them than of current ones. */
const OUTDATED_LIMIT = 1_024

/**
 * Keys ordered by rank, then code points: a binary heap in which an item whose rank has changed stays, outdated, until it
 * reaches the top. Setting a rank costs O(log n), amortised; so does each key that `first` returns.
 */
export class OrderedIndex {
  readonly #ranks = new Map<string, number>()
  #heap: Item[] = []

  set(key: string, rank: number): void {
    if (this.#ranks.get(key) === rank) return
    this.#ranks.set(key, rank)
    this.#push({ rank, key })
    this.#clearAway()
  }

  delete(key: string): void {
    this.#ranks.delete(key)
    this.#clearAway()
  }

  /** Returns up to `limit` keys whose rank is at most `upTo`. */
  first(limit: number, upTo: number = Number.POSITIVE_INFINITY): readonly string[] {
    const items: Item[] = []
    while (items.length < limit) {
      const item = this.#next()
      if (item === undefined || item.rank > upTo) break
      items.push(item)
      this.#pop()
      // A key whose rank returned to an earlier value is in the heap twice.
      this.#ranks.delete(item.key)
    }
    for (const item of items) {
      this.#ranks.set(item.key, item.rank)
      this.#push(item)
    }
    return items.map(({ key }) => key)
  }

  get lowestRank(): number | undefined {
    return this.#next()?.rank
  }

  /** Returns the first item that is not outdated, and removes those before it. */
  #next(): Item | undefined {
    for (;;) {
      const [item] = this.#heap
      if (item === undefined || this.#ranks.get(item.key) === item.rank) return item
      this.#pop()
    }
  }

  #clearAway(): void {
    if (this.#heap.length <= OUTDATED_LIMIT + 2 * this.#ranks.size) return
    // A sorted array is a heap.
    this.#heap = Array.from(this.#ranks, ([key, rank]) => ({ key, rank })).sort(compareItems)
  }

  #push(item: Item): void {
    let index = this.#heap.length
    this.#heap.push(item)
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || compareItems(parent, item) <= 0) break
      this.#heap[index] = parent
      index = above
    }
    this.#heap[index] = item
  }

  #pop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    let index = 0
    for (;;) {
      const below = this.#lesserChild(index)
      const child = this.#heap[below]
      if (child === undefined || compareItems(last, child) <= 0) break
      this.#heap[index] = child
      index = below
    }
    this.#heap[index] = last
  }

  #lesserChild(index: number): number {
    const left = this.#heap[2 * index + 1]
    const right = this.#heap[2 * index + 2]
    const isRight = left !== undefined && right !== undefined && compareItems(right, left) < 0
    return 2 * index + (isRight ? 2 : 1)
  }
}

function compareItems(a: Item, b: Item): number {
  return a.rank - b.rank || compareCodePoints(a.key, b.key)
}
