import SQLite, { type Database } from 'better-sqlite3'
import { isEventsError } from '../../../errors.ts'
import { SliceSize } from '../../sql/search/windows.ts'
import type { LogFile } from './log-file.ts'
import type { WalLimit } from './wal-limit.ts'

/** Free pages below this share of the file are left to coming events, or the file would breathe with every sweep. */
const FREE_SHARE = 0.2
/** 1 MiB of free pages is not worth the while. */
const FREE_PAGES = 256

/** Gives back to the file system what deletes have left free. */
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
   * Shrinks the file, in slices. The deletes were done before it, so what goes wrong here (another process in the
   * way, or the work being given up) changes nothing of their outcome: the next ones try again.
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
    // The file gets shorter when the log is copied into it.
    await this.#log.take(() => this.#wal.truncate())
  }

  /** Answers how many pages went: none when all are in use, or appends have taken those that were free. */
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
