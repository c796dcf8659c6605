import type { CompiledQuery, DatabaseConnection, QueryResult, TransactionSettings } from 'kysely'
import pg from 'pg'
import { requestCancel } from './cancel-request.ts'
import { toParameter } from './codec/values.ts'
import { ConnectionLost, type ConnectionRefused, endsConnection } from './errors.ts'
import { beginTransaction, type TimeLimits } from './transaction-settings.ts'

/** Added to the server's own limit, whose error says more: this limit is for servers and networks that hang. */
const GRACE_MS = 5_000

/** The time to wait for a server that was asked to cancel a query. */
const CANCEL_MS = 1_000

type Query = Pick<CompiledQuery, 'sql' | 'parameters'>

/** A connection that is in use. */
export class Connection implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #limits: TimeLimits
  readonly #signal: AbortSignal | undefined
  #inTransaction = false
  #broken = false

  /** @param signal cancels the query under way, and prevents further ones */
  constructor(client: pg.PoolClient, limits: TimeLimits, signal?: AbortSignal) {
    this.#client = client
    this.#limits = limits
    this.#signal = signal
  }

  /**
   * Runs a query in the current transaction or, without one, in its own.
   * @throws pg.DatabaseError if the server rejects it; ConnectionLost if there is no answer; the signal's reason
   */
  async executeQuery<R>({ sql, parameters }: Query): Promise<QueryResult<R>> {
    const values = parameters.map(toParameter)
    const { rows, rowCount } = await this.#answer(() => {
      if (this.#inTransaction) return this.#client.query(sql, values)
      return this.#signal === undefined ? this.#queryAlone(sql, values) : this.#queryAbortably(sql, values)
    })
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

  /** Closes the connection, whatever it is doing; it is not used again. */
  cut(): void {
    this.#broken = true
    void this.#client.end()
    // The driver would first wait for pending answers.
    this.#client.connection.stream.destroy()
  }

  /** Returns the connection to the pool. */
  release(): void {
    this.#client.release(this.#broken)
  }

  /** Sends begin, query and commit to the server in one round trip. */
  async #queryAlone(sql: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const { stream } = this.#client.connection
    stream.cork()
    const steps = Promise.allSettled([
      this.#client.query(beginTransaction(this.#limits)),
      this.#client.query(sql, [...values]),
      // After a failed query this rolls back, and does not fail.
      this.#client.query('commit'),
    ])
    stream.uncork()
    const [began, answer, ended] = await steps
    if (began.status === 'rejected') throw began.reason
    if (answer.status === 'rejected') throw answer.reason
    if (ended.status === 'rejected') throw ended.reason
    return answer.value
  }

  /** Commits only after the answer: until then no other client can get the server connection and have its query cancelled. */
  async #queryAbortably(sql: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const { stream } = this.#client.connection
    stream.cork()
    const began = this.#client.query(beginTransaction(this.#limits))
    const answered = this.#client.query(sql, [...values])
    stream.uncork()
    const [beginning, answer] = await Promise.allSettled([began, answered])
    // After a failed query this rolls back. The next use of the connection comes after it.
    if (!this.#signal?.aborted) this.#client.query('commit').catch(() => this.cut())
    if (beginning.status === 'rejected') throw beginning.reason
    if (answer.status === 'rejected') throw answer.reason
    return answer.value
  }

  /** After a cancel request the connection is closed within its transaction, so that nothing else is cancelled. */
  async #answer<T>(ask: () => Promise<T>): Promise<T> {
    const signal = this.#signal
    signal?.throwIfAborted()
    let timer = setTimeout(() => this.cut(), this.#limits.statementMs + GRACE_MS)
    const cancel = () => {
      requestCancel(this.#client)
      clearTimeout(timer)
      timer = setTimeout(() => this.cut(), CANCEL_MS)
    }
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await ask()
    } catch (error) {
      this.#broken ||= !(error instanceof pg.DatabaseError) || endsConnection(error)
      throw asAnswer(error, ConnectionLost)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
      if (signal?.aborted) this.cut()
    }
  }
}

/**
 * Treats every error that is not the server's as a failure of the connection: the driver has codes for only a few of these.
 */
export function asAnswer(error: unknown, Otherwise: typeof ConnectionLost | typeof ConnectionRefused): Error {
  if (error instanceof pg.DatabaseError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new Otherwise(reason === '' ? 'connection refused' : reason, { cause: error })
}
