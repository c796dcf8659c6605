/** The label value that takes everything past a limit. */
const OTHER = 'other'

/**
 * The values that a label of a registry's metrics has. Each distinct one costs Prometheus a time series for as long
 * as it keeps data, so past a limit they share `other`. A value stays until all that hold it have released it.
 */
export class BoundedLabels {
  readonly #holders = new Map<string, Set<object>>()

  /**
   * Whether the value may be a label of its own; if so it is one until `holder` releases it.
   * @param limit of distinct values; reached, no further one is taken
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

  /** Whether nobody holds the value any more, so that its series can go. */
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

  /** The value itself, or `other` past the limit. */
  labelOf(value: string): string {
    if (this.#held.has(value)) return value
    if (!this.#shared.hold(value, this, this.#limit)) return OTHER
    this.#held.add(value)
    return value
  }

  /** Whether this was the last holder of the value, so that its series can go. */
  release(value: string): boolean {
    return this.#held.delete(value) && this.#shared.release(value, this)
  }
}
