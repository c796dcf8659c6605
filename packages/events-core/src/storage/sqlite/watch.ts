import type { Channel } from '../sql/runner.ts'

/** A check of the writer takes some 0.1 ms, so this interval costs almost nothing and finds other processes' events soon. */
const INTERVAL_MS = 150

/** Detects changes of the file by other processes: SQLite counts their commits, but sends no notification. */
export class FileWatch implements Channel {
  /** Undefined: the channel cannot break, since a failed check is followed by another. */
  readonly isUp = undefined
  readonly #dataVersion: () => Promise<number>
  readonly #hear: () => void
  readonly #timer: NodeJS.Timeout
  #version: number | undefined
  #asking = false

  /** @param dataVersion resolves with a number that changes when another process changes the file */
  constructor(dataVersion: () => Promise<number>, hear: () => void) {
    this.#dataVersion = dataVersion
    this.#hear = hear
    this.#timer = setInterval(() => void this.#look(), INTERVAL_MS).unref()
    void this.#look()
  }

  end(): void {
    clearInterval(this.#timer)
  }

  /** Skips a check while the previous one is under way. A failed check counts as a hint that did not arrive. */
  async #look(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    try {
      const version = await this.#dataVersion()
      if (this.#version !== undefined && version !== this.#version) this.#hear()
      this.#version = version
    } catch {
      this.#version = undefined
    } finally {
      this.#asking = false
    }
  }
}
