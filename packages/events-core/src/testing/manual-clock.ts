/** A clock that moves only when a test advances it: the suite never sleeps. */
export class ManualClock {
  readonly #startMs: number
  #nowMs: number
  #latestMs: number

  /** @param startMs milliseconds since 1970; the start of 2030 by default */
  constructor(startMs: number = Date.UTC(2030, 0, 1)) {
    this.#startMs = startMs
    this.#nowMs = startMs
    this.#latestMs = startMs
  }

  /** Bound, so that it can be passed as a function. */
  readonly now = (): number => this.#nowMs

  /** @param ms may be negative, as clocks can be set back */
  advance(ms: number): void {
    this.#nowMs += ms
    this.#latestMs = Math.max(this.#latestMs, this.#nowMs)
  }

  /** True if the clock ever went beyond its start. A store that saw such a time records nothing before it. */
  get hasGoneOn(): boolean {
    return this.#latestMs > this.#startMs
  }

  reset(): void {
    this.#nowMs = this.#startMs
  }
}
