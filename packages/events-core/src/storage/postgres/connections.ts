import pg from 'pg'
import { EventsError } from '../../errors.ts'
import { TYPES } from './codec/values.ts'
import { asAnswer, Connection } from './connection.ts'
import { ConnectionRefused, endsConnection } from './errors.ts'
import { type TimeLimits, timeLimits } from './transaction-settings.ts'

const IDLE_MS = 30_000

export interface ConnectionsOptions {
  readonly connection: pg.ClientConfig
  readonly size: number
  readonly statementTimeoutMs: number
}

/**
 * Connections to the server, opened on demand. No query changes its session, and none is prepared under a name, so a pooler
 * may pass each transaction to another server connection.
 */
export class Connections {
  readonly #pool: pg.Pool
  readonly #limits: TimeLimits
  readonly #used = new Set<Connection>()
  readonly #waiting = new Set<(reason: Error) => void>()
  #ended = false

  constructor({ connection, size, statementTimeoutMs }: ConnectionsOptions) {
    this.#limits = timeLimits(statementTimeoutMs)
    this.#pool = new pg.Pool({
      ...connection,
      types: TYPES,
      // A transaction of one query is one round trip.
      pipeline: true,
      max: size,
      idleTimeoutMillis: IDLE_MS,
      // A program that is done may end without closing the store, as with any other store.
      allowExitOnIdle: true,
    })
    // An idle connection that breaks is replaced at its next use; an unhandled 'error' event would end the process.
    this.#pool.on('error', ignore)
    this.#pool.on('connect', (client) => client.on('error', ignore))
  }

  /**
   * @param signal cancels the query of the connection
   * @throws ConnectionRefused; EventsError EVENTS_NOT_RUNNING if `end` is called meanwhile
   */
  async take(signal?: AbortSignal): Promise<Connection> {
    const connection = new Connection(await this.#takeClient(), this.#limits, signal)
    this.#used.add(connection)
    return connection
  }

  giveBack(connection: Connection): void {
    this.#used.delete(connection)
    connection.release()
  }

  /** Closes the connections in use, and returns no more. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const refuse of this.#waiting) {
      refuse(new EventsError('EVENTS_NOT_RUNNING', 'the event store was closed before the call was done'))
    }
    for (const connection of this.#used) connection.cut()
    // Not awaited: it waits for connections that are being opened.
    void this.#pool.end()
  }

  /** The pool never settles waiting requests for a connection when it ends. */
  #takeClient(): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      this.#pool
        .connect()
        .finally(() => this.#waiting.delete(reject))
        .then(
          (client) => (this.#ended ? client.release(true) : resolve(client)),
          (error: unknown) => reject(asRefusal(error)),
        )
    })
  }
}

/** If a server or pooler ends a connection while it is being opened, nothing was requested yet. */
function asRefusal(error: unknown): Error {
  const answer = asAnswer(error, ConnectionRefused)
  return answer instanceof pg.DatabaseError && endsConnection(answer)
    ? new ConnectionRefused(answer.message, { cause: answer })
    : answer
}

function ignore(): void {}
