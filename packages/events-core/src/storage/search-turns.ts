import { setImmediate } from 'node:timers/promises'

/** A search that waits for its turn. */
interface Waiting {
  readonly usedMs: number
  readonly enter: () => void
}

/** Yields the place to other searches and waits for the next turn. @throws the signal's reason if it aborts meanwhile */
export type Rest = () => Promise<void>

/**
 * Shares a store's places for searches among the searches under way. A search does a slice of its work, yields its place,
 * and continues at its next turn. A free place goes alternately to the search that has used the least time, so that short
 * searches overtake long ones, and to the one that has waited longest, so that long ones end too.
 */
export class SearchTurns {
  readonly #waiting: Waiting[] = []
  #places: number
  #grants = 0

  /** @param places the number of searches that may work at the same time */
  constructor(places: number) {
    this.#places = places
  }

  /** Runs a search when it is its turn. @throws whatever the search throws; the signal's reason if it aborts during a wait */
  async run<T>(signal: AbortSignal, search: (rest: Rest) => Promise<T>): Promise<T> {
    let usedMs = 0
    let holdsPlace = false
    let since = 0
    const enter = async () => {
      await this.#enter(usedMs, signal)
      holdsPlace = true
      since = performance.now()
    }
    const leave = () => {
      if (!holdsPlace) return
      holdsPlace = false
      usedMs += performance.now() - since
      void this.#leave()
    }
    await enter()
    try {
      return await search(async () => {
        leave()
        await enter()
      })
    } finally {
      leave()
    }
  }

  #enter(usedMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#places > 0 && this.#waiting.length === 0) {
      this.#places--
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const give = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(signal.reason)
      }
      const enter = () => {
        signal.removeEventListener('abort', give)
        resolve()
      }
      const waiting: Waiting = { usedMs, enter }
      signal.addEventListener('abort', give, { once: true })
      this.#waiting.push(waiting)
    })
  }

  /**
   * Frees the place in the next turn of the event loop. Until then the thread reads its messages (aborts, calls that need
   * no place, searches that arrived together) before it begins another search.
   */
  async #leave(): Promise<void> {
    await setImmediate()
    this.#places++
    while (this.#places > 0 && this.#waiting.length > 0) {
      const [next] = this.#waiting.splice(this.#grants++ % 2 === 0 ? this.#leastUsed() : 0, 1)
      this.#places--
      next?.enter()
    }
  }

  #leastUsed(): number {
    const least = Math.min(...this.#waiting.map(({ usedMs }) => usedMs))
    return this.#waiting.findIndex(({ usedMs }) => usedMs === least)
  }
}
