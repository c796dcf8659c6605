import SQLite, { type Database } from 'better-sqlite3'
import { isEventsError } from '../../../errors.ts'
import { SliceSize } from '../../sql/search/windows.ts'
import type { LogFile } from './log-file.ts'
import type { WalLimit } from './wal-limit.ts'

/** Free pages below this share of the file are kept for new events, or the file would shrink and grow with every sweep. */
const FREE_SHARE = 0.2
/** Fewer free pages, 1 MiB, are not worth releasing. */
const FREE_PAGES = 256

/** Returns the space that deletes have freed to the file system. */
export class FileSpace {
  readonly #file: Database
  readonly #log: LogFile
  readonly #wal: WalLimit
  #releasing = false

  constructor(file: Database, log: LogFile, wal: WalLimit) {
    this.#file = file
    this.#log = log
    this.#wal = wal
  }

  /**
   * Shrinks the file, in slices. The deletes are already done, so a failure here (another process holds the file, or the
   * work is aborted) does not change their outcome: the next deletes try again.
   */
  async release(signal: AbortSignal): Promise<void> {
    if (this.#releasing) return
    this.#releasing = true
    try {
      if (await this.#log.take(() => this.#hasMuchFree())) await this.#shrink(signal)
    } catch (error) {
      if (!isPassing(error)) throw error
    } finally {
      this.#releasing = false
    }
  }

  async #shrink(signal: AbortSignal): Promise<void> {
    const { pace } = this.#log.log
    const slice = new SliceSize(pace)
    while (!signal.aborted && (await this.#log.take(() => this.#freePages(slice))) > 0) await pace.rest()
    // The file shrinks when the log is copied into it.
    await this.#log.take(() => this.#wal.truncate())
  }

  /** Returns the number of released pages: 0 if all are in use, or if appends have used the free ones. */
  #freePages(slice: SliceSize): number {
    const before = this.#pages('freelist_count')
    this.#file.pragma(`incremental_vacuum(${slice.begin()})`)
    slice.end()
    return before - this.#pages('freelist_count')
  }

  #hasMuchFree(): boolean {
    const free = this.#pages('freelist_count')
    return free >= FREE_PAGES && free >= FREE_SHARE * this.#pages('page_count')
  }

  #pages(what: 'freelist_count' | 'page_count'): number {
    return Number(this.#file.pragma(what, { simple: true }))
  }
}

function isPassing(error: unknown): boolean {
  return isEventsError(error) || error instanceof SQLite.SqliteError
}
