import { statSync } from 'node:fs'
import { EventsError } from '../../../errors.ts'

/**
 * Where the file is. SQLite goes on writing to a file that was removed or replaced under it, and what it acknowledges
 * is gone at the next start; so before each write somebody has to look. It takes some 3 µs.
 */
export class FilePlace {
  readonly #path: string
  readonly #inode: bigint

  constructor(path: string) {
    this.#path = path
    this.#inode = statSync(path, { bigint: true }).ino
  }

  /** @throws EventsError EVENTS_STORAGE_UNAVAILABLE when another file, or none, is where it was */
  check(): void {
    const found = statSync(this.#path, { bigint: true, throwIfNoEntry: false })
    if (found?.ino === this.#inode) return
    const happened = found === undefined ? 'removed' : 'replaced'
    throw new EventsError(
      'EVENTS_STORAGE_UNAVAILABLE',
      `the event store ${this.#path} was ${happened} while it was open: put it back, or restart to use what is there now`,
    )
  }
}
