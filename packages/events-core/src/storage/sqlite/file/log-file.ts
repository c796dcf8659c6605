import { setImmediate } from 'node:timers/promises'
import type { Rest } from '../../search-turns.ts'
import type { Pace } from '../../sql/search/windows.ts'
import type { SqlLog } from '../../sql/sql-log.ts'
import { Turns } from '../../turns.ts'
import type { Connection } from '../connection.ts'
import { sqliteDialect } from '../dialect.ts'

export type PaceLimits = Omit<Pace, 'rest'>

/** The open file as one thread has it. Whatever takes more than a statement has the connection to itself meanwhile. */
export class LogFile {
  readonly log: SqlLog
  readonly #connection: Connection
  readonly #beforeTurn: () => void
  readonly #turns = new Turns()

  /** @param beforeTurn throws when the file must not be used */
  constructor(connection: Connection, pace: PaceLimits, beforeTurn: () => void = () => {}) {
    this.#connection = connection
    this.#beforeTurn = beforeTurn
    const { db } = connection
    const transaction: SqlLog['transaction'] = (work) => this.take(() => this.#inTransaction(work))
    this.log = {
      db,
      dialect: sqliteDialect(connection.file),
      // Lets the thread look at its messages.
      pace: { ...pace, rest: () => setImmediate() },
      snapshot: transaction,
      aside: transaction,
      transaction,
    }
  }

  /** Runs work of which nothing else comes in between. */
  alone<T>(work: (log: SqlLog) => Promise<T>): Promise<T> {
    const within = this.#inTransaction
    return this.take(() => work({ ...this.log, snapshot: within, aside: within, transaction: within }))
  }

  /** Runs a task when those that came before it are done; slices of long work let others in between. */
  take<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#turns.take(() => {
      this.#beforeTurn()
      return task()
    })
  }

  /** The file for work that rests in its own way. */
  restingBy(rest: Rest): SqlLog {
    return { ...this.log, pace: { ...this.log.pace, rest } }
  }

  /** The file for work that is given up at its next rest when the signal aborts. */
  until(signal: AbortSignal): SqlLog {
    const { rest } = this.log.pace
    return this.restingBy(async () => {
      await rest()
      signal.throwIfAborted()
    })
  }

  /** Runs a transaction within the turn of the caller. */
  readonly #inTransaction: SqlLog['transaction'] = (work) => this.log.db.transaction().execute(work)

  /** Changes when another process has changed the file. */
  get dataVersion(): number {
    return Number(this.#connection.file.pragma('data_version', { simple: true }))
  }

  /** To be called when nothing is under way. */
  close(): void {
    this.#connection.file.close()
  }
}
