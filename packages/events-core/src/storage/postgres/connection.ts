import type { CompiledQuery, DatabaseConnection, QueryResult, TransactionSettings } from 'kysely'
import pg from 'pg'
import { ConnectionLost, type ConnectionRefused, endsConnection } from './errors.ts'
import { beginTransaction, type TimeLimits } from './transaction-settings.ts'
import { toParameter } from './values.ts'

/** Beyond the server's own limit, whose answer says more: this one is for servers and networks that hang. */
const GRACE_MS = 5_000

type Query = Pick<CompiledQuery, 'sql' | 'parameters'>

/** A connection while somebody has it. */
export class Connection implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #limits: TimeLimits
  #inTransaction = false
  #broken = false

  constructor(client: pg.PoolClient, limits: TimeLimits) {
    this.#client = client
    this.#limits = limits
  }

  /**
   * Runs a query in the transaction that was begun, or else in one of its own: beginning, query and commit go to the
   * server in one go.
   * @throws pg.DatabaseError when the server refuses it; ConnectionLost when there is no answer
   */
  async executeQuery<R>({ sql, parameters }: Query): Promise<QueryResult<R>> {
    const values = parameters.map(toParameter)
    const { rows, rowCount } = await this.#answer(() =>
      this.#inTransaction ? this.#client.query(sql, values) : this.#queryAlone(sql, values),
    )
    return { rows, numAffectedRows: BigInt(rowCount ?? 0) }
  }

  streamQuery(): never {
    throw new TypeError('queries of the event store are not streamed')
  }

  async begin(settings: TransactionSettings): Promise<void> {
    this.#inTransaction = true
    await this.#answer(() => this.#client.query(beginTransaction(this.#limits, settings)))
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    await this.#answer(() => this.#client.query(how))
    this.#inTransaction = false
  }

  /** Ends it, whatever it is doing; it is not used again. */
  cut(): void {
    this.#broken = true
    void this.#client.end()
    // The driver alone would wait for the answers that are still to come.
    this.#client.connection.stream.destroy()
  }

  /** Gives it back to the pool. */
  release(): void {
    this.#client.release(this.#broken)
  }

  async #queryAlone(sql: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const { stream } = this.#client.connection
    stream.cork()
    const steps = Promise.allSettled([
      this.#client.query(beginTransaction(this.#limits)),
      this.#client.query(sql, [...values]),
      // After a query that failed this rolls back, and does not fail.
      this.#client.query('commit'),
    ])
    stream.uncork()
    const [began, answer, ended] = await steps
    if (began.status === 'rejected') throw began.reason
    if (answer.status === 'rejected') throw answer.reason
    if (ended.status === 'rejected') throw ended.reason
    return answer.value
  }

  async #answer<T>(ask: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.cut(), this.#limits.statementMs + GRACE_MS)
    try {
      return await ask()
    } catch (error) {
      this.#broken ||= !(error instanceof pg.DatabaseError) || endsConnection(error)
      throw asAnswer(error, ConnectionLost)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** What the server did not say is a failure of the connection: the driver has codes for few of those. */
export function asAnswer(error: unknown, Otherwise: typeof ConnectionLost | typeof ConnectionRefused): Error {
  if (error instanceof pg.DatabaseError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new Otherwise(reason === '' ? 'connection refused' : reason, { cause: error })
}
