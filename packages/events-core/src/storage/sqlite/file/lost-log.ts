import SQLite, { type Database } from 'better-sqlite3'
import { EventsError } from '../../../errors.ts'
import type { FileGuard } from './log-file.ts'
import type { FilePlace } from './place.ts'
import type { WalLimit } from './wal-limit.ts'

/** Prevents the writer from acknowledging writes to a log that the next start will not find. */
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

  /** @throws EventsError EVENTS_STORAGE_UNAVAILABLE if the log was lost and its contents cannot be copied into the file */
  after(): void {
    const state = this.#place.log
    // A new log may have writes of other processes, over which the old log must not be copied.
    if (state === 'in place' || (state === 'removed' && this.#wal.truncate())) return
    throw this.#error(`was ${state} during a write, whose outcome is unknown`)
  }

  /**
   * Copies a removed log into the file and stops using it, so that opening the file begins another. SQLite allows this only if
   * there is no other connection, which would continue with the old log.
   * @throws EventsError EVENTS_STORAGE_UNAVAILABLE if there are other connections
   */
  save(): void {
    if (this.#place.log !== 'removed') return
    // Unless another process is reading, the old log's contents are safe from now on, even if the store cannot continue.
    this.#wal.truncate()
    if (!this.#leaveLog())
      throw this.#error(
        'was removed while several processes have it open: end all but one of them, or restart them',
      )
  }

  /** @returns false if there are other connections */
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
