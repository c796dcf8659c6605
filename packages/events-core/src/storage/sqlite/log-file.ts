import { setImmediate } from 'node:timers/promises'
import { EventsError } from '../../errors.ts'
import type { SqlLog } from '../sql/sql-log.ts'
import type { Pace } from '../sql/windows.ts'
import { Turns } from '../turns.ts'
import type { Connection } from './connection.ts'
import { sqliteDialect } from './dialect.ts'

export type PaceLimits = Omit<Pace, 'rest'>

/** The open file as one thread has it. Whatever takes more than a statement has the connection to itself meanwhile. */
export class LogFile {
  readonly log: SqlLog
  readonly #connection: Connection
  readonly #beforeTurn: () => void
  readonly #turns = new Turns()
  #givenUp = false

  /** @param beforeTurn throws when the file must not be used */
  constructor(connection: Connection, pace: PaceLimits, beforeTurn: () => void = () => {}) {
    this.#connection = connection
    this.#beforeTurn = beforeTurn
    const { db } = connection
    const transaction: SqlLog['transaction'] = (work) => this.take(() => db.transaction().execute(work))
    this.log = {
      db,
      dialect: sqliteDialect(connection.file),
      pace: { ...pace, rest: () => this.#rest() },
      snapshot: transaction,
      transaction,
    }
  }

  /** Runs a task when those that came before it are done; slices of long work let others in between. */
  take<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#turns.take(() => {
      this.#beforeTurn()
      return task()
    })
  }

  /** Has long work fail at its next rest. */
  giveUp(): void {
    this.#givenUp = true
  }

  /** To be called when nothing is under way. */
  close(): void {
    this.#connection.file.close()
  }

  async #rest(): Promise<void> {
    // Lets the thread look at its messages.
    await setImmediate()
    if (this.#givenUp)
      throw new EventsError('EVENTS_NOT_RUNNING', 'the event store was closed before this was done')
  }
}
