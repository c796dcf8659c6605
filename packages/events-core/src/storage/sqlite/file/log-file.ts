import { setImmediate } from 'node:timers/promises'
import type { Rest } from '../../search-turns.ts'
import type { Pace } from '../../sql/search/windows.ts'
import type { SqlLog } from '../../sql/sql-log.ts'
import { Turns } from '../../turns.ts'
import type { Connection } from '../connection.ts'
import { sqliteDialect } from '../dialect.ts'

export type PaceLimits = Omit<Pace, 'rest'>

/** Checks the file on disk `before` and `after` each turn. Both methods throw if the file must not be used. */
export interface FileGuard {
  before(): void
  after(): void
}

/** The open file of one thread. Work of more than one statement has the connection to itself. */
export class LogFile {
  readonly log: SqlLog
  readonly #connection: Connection
  readonly #guard: FileGuard | undefined
  readonly #turns = new Turns()

  constructor(connection: Connection, pace: PaceLimits, guard?: FileGuard) {
    this.#connection = connection
    this.#guard = guard
    const { db } = connection
    const transaction: SqlLog['transaction'] = (work) => this.take(() => this.#inTransaction(work))
    this.log = {
      db,
      dialect: sqliteDialect(connection.file),
      // Lets the thread read its messages.
      pace: { ...pace, rest: () => setImmediate() },
      snapshot: transaction,
      aside: transaction,
      transaction,
    }
  }

  /** Runs work without interruption by other tasks. */
  alone<T>(work: (log: SqlLog) => Promise<T>): Promise<T> {
    const within = this.#inTransaction
    return this.take(() => work({ ...this.log, snapshot: within, aside: within, transaction: within }))
  }

  /** Runs a task after the earlier ones; other tasks run between the slices of long work. */
  take<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      this.#guard?.before()
      const result = await task()
      this.#guard?.after()
      return result
    })
  }

  /** Returns the file for work with its own way to rest. */
  restingBy(rest: Rest): SqlLog {
    return { ...this.log, pace: { ...this.log.pace, rest } }
  }

  /** Returns the file for work that ends at its next rest after the signal aborts. */
  until(signal: AbortSignal): SqlLog {
    const { rest } = this.log.pace
    return this.restingBy(async () => {
      await rest()
      signal.throwIfAborted()
    })
  }

  /** Runs a transaction within the turn of the caller. */
  readonly #inTransaction: SqlLog['transaction'] = (work) => this.log.db.transaction().execute(work)

  /** Returns a number that changes when another process changes the file. */
  dataVersion(): Promise<number> {
    return this.take(() => Number(this.#connection.file.pragma('data_version', { simple: true })))
  }

  /** Closes the file. Must be called while no work is under way. */
  close(): void {
    this.#connection.file.close()
  }
}
