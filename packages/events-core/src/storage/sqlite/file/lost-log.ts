import SQLite, { type Database } from 'better-sqlite3'
import { EventsError } from '../../../errors.ts'
import type { FileGuard } from './log-file.ts'
import type { FilePlace } from './place.ts'
import type { WalLimit } from './wal-limit.ts'

/** Keeps the writer from acknowledging what is in a log that nobody will find at the next start. */
export class LogGuard implements FileGuard {
  readonly #file: Database
  readonly #place: FilePlace
  readonly #wal: WalLimit

  constructor(file: Database, place: FilePlace, wal: WalLimit) {
    this.#file = file
    this.#place = place
    this.#wal = wal
  }

  before(): void {
    this.#place.check()
    this.#place.checkLog()
    this.#wal.check()
  }

  /** @throws EventsError EVENTS_STORAGE_UNAVAILABLE when the log was lost and what it got cannot be copied into the file */
  after(): void {
    const state = this.#place.log
    // Another log may belong to others by now: what is in the old one must not be copied over theirs.
    if (state === 'in place' || (state === 'removed' && this.#wal.truncate())) return
    throw this.#error(`was ${state} while it was being written: what was being stored may be stored or not`)
  }

  /**
   * Copies a log that was removed into the file, and begins another. SQLite allows it to the only connection alone: others
   * would continue with the old log.
   * @throws EventsError EVENTS_STORAGE_UNAVAILABLE when there are other connections
   */
  renew(): void {
    if (this.#place.log !== 'removed') return
    // What is in it is safe from now on, even if nobody can continue.
    this.#wal.truncate()
    if (!this.#leaveLog())
      throw this.#error(
        'was removed while several processes have it open: end all but one of them, or restart them',
      )
    this.#file.pragma('journal_mode = wal')
    this.#place.renewed()
  }

  /** @returns false when there are other connections */
  #leaveLog(): boolean {
    try {
      return this.#file.pragma('journal_mode = delete', { simple: true }) === 'delete'
    } catch (error) {
      if (error instanceof SQLite.SqliteError && error.code === 'SQLITE_BUSY') return false
      throw error
    }
  }

  #error(what: string): EventsError {
    const message = `the write-ahead log of the event store ${this.#file.name} ${what}`
    return new EventsError('EVENTS_STORAGE_UNAVAILABLE', message)
  }
}
