export interface TurnLimits {
  /** Turns that are taken at the same time. */
  readonly atOnce: number
  /** The part of these that one owner may have. */
  readonly perOwner: number
  /** Requests of one owner that may wait for theirs. */
  readonly waiting: number
}

interface Owner {
  taken: number
  readonly waiting: (() => void)[]
}

/** Shares a scarce resource: a limited number of turns are taken at a time, and waiting requests get theirs owner by owner. */
export class Turns {
  readonly #limits: TurnLimits
  /** Owners in the order of their next turn. */
  readonly #owners = new Map<unknown, Owner>()
  #taken = 0

  constructor(limits: TurnLimits) {
    this.#limits = limits
  }

  /**
   * Takes a turn, which must be given back.
   * @returns true if it may begin now, otherwise a promise of its turn; false if too many of the owner's requests already wait
   */
  take(key: unknown): boolean | Promise<void> {
    const owner = this.#owners.get(key) ?? { taken: 0, waiting: [] }
    const { atOnce, waiting } = this.#limits
    const isFree = this.#taken < atOnce && this.#hasRoom(owner)
    if (!isFree && owner.waiting.length >= waiting) return false
    this.#owners.set(key, owner)
    if (isFree) {
      this.#begin(owner)
      return true
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    owner.waiting.push(resolve)
    return promise
  }

  giveBack(key: unknown): void {
    const owner = this.#owners.get(key)
    if (owner === undefined) return
    owner.taken -= 1
    this.#taken -= 1
    if (owner.taken === 0 && owner.waiting.length === 0) this.#owners.delete(key)
    this.#callNext()
  }

  #callNext(): void {
    for (const [key, owner] of this.#owners) {
      const next = this.#hasRoom(owner) ? owner.waiting.shift() : undefined
      if (next === undefined) continue
      this.#owners.delete(key)
      this.#owners.set(key, owner)
      this.#begin(owner)
      next()
      return
    }
  }

  #hasRoom({ taken }: Owner): boolean {
    return taken < this.#limits.perOwner
  }

  #begin(owner: Owner): void {
    owner.taken += 1
    this.#taken += 1
  }
}
