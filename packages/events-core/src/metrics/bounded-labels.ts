/** The label value that counts everything beyond a limit. */
const OTHER = 'other'

/**
 * The values of a label in a registry's metrics. Each distinct value costs Prometheus a time series for as long
 * as it keeps data, so values beyond a limit share `other`. A value stays until all its holders have released it.
 */
export class BoundedLabels {
  readonly #holders = new Map<string, Set<object>>()

  /**
   * Returns whether the value may be its own label; if so, it is one until `holder` releases it.
   * @param limit the number of distinct values beyond which none is added
   */
  hold(value: string, holder: object, limit: number): boolean {
    const holders = this.#holders.get(value)
    if (holders !== undefined) {
      holders.add(holder)
      return true
    }
    if (value === OTHER || this.#holders.size >= limit) return false
    this.#holders.set(value, new Set([holder]))
    return true
  }

  /** Returns whether nobody holds the value any more, so that its series can be removed. */
  release(value: string, holder: object): boolean {
    const holders = this.#holders.get(value)
    if (holders === undefined) return false
    holders.delete(holder)
    return holders.size === 0 && this.#holders.delete(value)
  }
}

/** The label values of one bus, within the limit that it shares with the others on its registry. */
export class LabelHolder {
  readonly #shared: BoundedLabels
  readonly #limit: number
  readonly #held = new Set<string>()

  constructor(shared: BoundedLabels, limit: number) {
    this.#shared = shared
    this.#limit = limit
  }

  /** Returns the value itself, or `other` beyond the limit. */
  labelOf(value: string): string {
    if (this.#held.has(value)) return value
    if (!this.#shared.hold(value, this, this.#limit)) return OTHER
    this.#held.add(value)
    return value
  }

  /** Returns whether this was the last holder of the value, so that its series can be removed. */
  release(value: string): boolean {
    return this.#held.delete(value) && this.#shared.release(value, this)
  }
}
