import type { Channel } from '../sql/runner.ts'
import type { StorageThread } from './thread/storage-thread.ts'

/** A call to the writer takes some 0.1 ms, so this costs next to nothing, and others' events are seen soon. */
const INTERVAL_MS = 150

/** Notices when another process has changed the file: SQLite counts what others commit, and tells nobody. */
export class FileWatch implements Channel {
  /** It cannot break: a look that fails is followed by another. */
  readonly isUp = undefined
  readonly #writer: StorageThread
  readonly #hear: () => void
  readonly #timer: NodeJS.Timeout
  #version: number | undefined
  #asking = false

  constructor(writer: StorageThread, hear: () => void) {
    this.#writer = writer
    this.#hear = hear
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
      const version = await this.#writer.dataVersion()
      if (this.#version !== undefined && version !== this.#version) this.#hear()
      this.#version = version
    } catch {
      this.#version = undefined
    } finally {
      this.#asking = false
    }
  }
}
