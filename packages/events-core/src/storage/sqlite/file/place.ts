import { statSync } from 'node:fs'
import { EventsError } from '../../../errors.ts'

/**
 * The place of the file. SQLite continues to write to a file that was removed or replaced, and those writes are lost at the
 * next start; so `check` runs before each write. It takes some 3 µs.
 */
export class FilePlace {
  readonly #path: string
  readonly #inode: bigint

  constructor(path: string) {
    this.#path = path
    this.#inode = statSync(path, { bigint: true }).ino
  }

  /** @throws EventsError EVENTS_STORAGE_UNAVAILABLE if the file was removed or replaced */
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
