import { setImmediate } from 'node:timers/promises'

/** A search that waits for a place. */
interface Waiting {
  readonly usedMs: number
  readonly enter: () => void
}

/** Gives the place up to others and waits for another one. @throws the reason of the signal when it aborts meanwhile */
export type Rest = () => Promise<void>

/**
 * Shares the places at which a store can search among the searches that want one. A search does a slice of its work,
 * rests, and comes back for the next slice. Places go by turns to the search that has used the least time, so that a
 * short one overtakes the long ones, and to the one that has waited longest, so that the long ones end too.
 */
export class SearchTurns {
  readonly #waiting: Waiting[] = []
  #places: number
  #grants = 0

  /** @param places how many searches may work at the same time */
  constructor(places: number) {
    this.#places = places
  }

  /** Runs a search when it is its turn. @throws what it throws; the signal's reason when that aborts while it waits */
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
   * The place is free in the next turn of the event loop. Until then the thread looks at its messages: at aborts, at what
   * needs no place, and at all the searches that came in together, before it begins another one.
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
