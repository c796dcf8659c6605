import { statSync } from 'node:fs'
import { EventsError, isEventsError } from '../../../errors.ts'

/** The state of the log. 'replaced': another log has its name, to which other processes may be writing. */
export type LogState = 'in place' | 'removed' | 'replaced'

/** The code of the error of a turn that did nothing because the write-ahead log was removed or replaced; see `isLogLost`. */
const LOG_LOST = 'SQLITE_LOG_LOST'

/**
 * The names under which the file and its write-ahead log were opened. SQLite continues to write to files that were removed
 * or replaced, and those writes are lost at the next start. A check takes some 5 µs.
 */
export class FilePlace {
  readonly #path: string
  readonly #inode: bigint
  #logInode: bigint | undefined

  constructor(path: string) {
    this.#path = path
    this.#inode = statSync(path, { bigint: true }).ino
  }

  /** @throws EventsError EVENTS_STORAGE_UNAVAILABLE if the file was removed or replaced */
  check(): void {
    const found = inodeOf(this.#path)
    if (found === this.#inode) return
    const happened = found === undefined ? 'removed' : 'replaced'
    throw new EventsError(
      'EVENTS_STORAGE_UNAVAILABLE',
      `the event store ${this.#path} was ${happened} while it was open: put it back, or restart to use what is there now`,
    )
  }

  /** The state of the log, which exists from the first use of the file until the last process closes it. */
  get log(): LogState {
    const found = inodeOf(`${this.#path}-wal`)
    this.#logInode ??= found
    if (found === this.#logInode) return 'in place'
    return found === undefined ? 'removed' : 'replaced'
  }

  /** @throws EventsError EVENTS_STORAGE_UNAVAILABLE, for which `isLogLost` holds, unless the log is in place */
  checkLog(): void {
    const state = this.log
    if (state === 'in place') return
    const cause = Object.assign(new Error(`the log was ${state}`), { code: LOG_LOST })
    const message = `the write-ahead log of the event store ${this.#path} was ${state} while it was open: the store must be reopened`
    throw new EventsError('EVENTS_STORAGE_UNAVAILABLE', message, { cause })
  }
}

/** Returns whether a turn failed, without any effect, because the file must be reopened. */
export function isLogLost(error: unknown): boolean {
  const cause = isEventsError(error) ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === LOG_LOST
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino
}
