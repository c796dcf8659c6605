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
 * Connections to the server, made when needed. No query leaves a trace in its session, and none is prepared under a
 * name, so a pooler may hand each transaction to another server connection.
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
      // A program that is done may end, as with any other store, although it did not close this one.
      allowExitOnIdle: true,
    })
    // An idle connection that breaks is replaced at its next use; an 'error' event that nobody takes ends the process.
    this.#pool.on('error', ignore)
    this.#pool.on('connect', (client) => client.on('error', ignore))
  }

  /**
   * @param signal has what the connection does cancelled
   * @throws ConnectionRefused; EventsError EVENTS_NOT_RUNNING when `end` is called meanwhile
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

  /** Cuts off what is under way, and gives out no more. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const refuse of this.#waiting) {
      refuse(new EventsError('EVENTS_NOT_RUNNING', 'the event store was closed before this was done'))
    }
    for (const connection of this.#used) connection.cut()
    // Not awaited: it waits for connections that are just being made.
    void this.#pool.end()
  }

  /** The pool forgets those who wait for a connection when it ends. */
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

/** Nothing was asked of a server, or a pooler, that ends a connection while it is made. */
function asRefusal(error: unknown): Error {
  const answer = asAnswer(error, ConnectionRefused)
  return answer instanceof pg.DatabaseError && endsConnection(answer)
    ? new ConnectionRefused(answer.message, { cause: answer })
    : answer
}

function ignore(): void {}
