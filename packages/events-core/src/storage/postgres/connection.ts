import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import pg from 'pg'
import { ConnectionLost, type ConnectionRefused, endsConnection } from './errors.ts'
import { toParameter } from './values.ts'

/** A connection while somebody has it. */
export class Connection implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #timeoutMs: number
  #broken = false

  /** @param timeoutMs how long to wait for an answer before the connection counts as lost */
  constructor(client: pg.PoolClient, timeoutMs: number) {
    this.#client = client
    this.#timeoutMs = timeoutMs
  }

  /** @throws pg.DatabaseError when the server refuses it; ConnectionLost when there is no answer */
  async executeQuery<R>({
    sql,
    parameters,
  }: Pick<CompiledQuery, 'sql' | 'parameters'>): Promise<QueryResult<R>> {
    const timer = setTimeout(() => this.cut(), this.#timeoutMs)
    try {
      const { rows, rowCount } = await this.#client.query(sql, parameters.map(toParameter))
      return { rows: rows ?? [], numAffectedRows: BigInt(rowCount ?? 0) }
    } catch (error) {
      this.#broken ||= !(error instanceof pg.DatabaseError) || endsConnection(error)
      throw asAnswer(error, ConnectionLost)
    } finally {
      clearTimeout(timer)
    }
  }

  streamQuery(): never {
    throw new TypeError('queries of the event store are not streamed')
  }

  /** Ends it, whatever it is doing; it is not used again. */
  cut(): void {
    this.#broken = true
    void this.#client.end()
  }

  /** Gives it back to the pool. */
  release(): void {
    this.#client.release(this.#broken)
  }
}

/** What the server did not say is a failure of the connection: the driver has codes for few of those. */
export function asAnswer(error: unknown, Otherwise: typeof ConnectionLost | typeof ConnectionRefused): Error {
  if (error instanceof pg.DatabaseError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new Otherwise(reason === '' ? 'connection refused' : reason, { cause: error })
}
