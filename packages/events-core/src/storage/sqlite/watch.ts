import type { Threads } from './thread/threads.ts'

/** A call to the writer takes some 0.1 ms, so this costs next to nothing, and others' events are seen soon. */
const INTERVAL_MS = 150

/** Notices when another process has changed the file: SQLite counts what others commit, and tells nobody. */
export class FileWatch {
  readonly #threads: () => Threads
  readonly #wake: () => void
  readonly #timer: NodeJS.Timeout
  #version: number | undefined
  #asking = false

  /** @param threads throws while the store is not open */
  constructor(threads: () => Threads, wake: () => void) {
    this.#threads = threads
    this.#wake = wake
    this.#timer = setInterval(() => void this.#look(), INTERVAL_MS).unref()
    void this.#look()
  }

  end(): void {
    clearInterval(this.#timer)
  }

  /** A writer that is busy is not asked twice. What fails is tried again: it is a hint that may not come. */
  async #look(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    try {
      const version = await this.#threads().writer.call('dataVersion', null)
      if (this.#version !== undefined && version !== this.#version) this.#wake()
      this.#version = version
    } catch {
      this.#version = undefined
    } finally {
      this.#asking = false
    }
  }
}
