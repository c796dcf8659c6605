import type { CompiledQuery, DatabaseConnection, QueryResult, TransactionSettings } from 'kysely'
import pg from 'pg'
import { requestCancel } from './cancel-request.ts'
import { toParameter } from './codec/values.ts'
import { ConnectionLost, type ConnectionRefused, endsConnection } from './errors.ts'
import { beginTransaction, type TimeLimits } from './transaction-settings.ts'

/** Beyond the server's own limit, whose answer says more: this one is for servers and networks that hang. */
const GRACE_MS = 5_000

/** How long to wait for a server that was asked to cancel a query. */
const CANCEL_MS = 1_000

type Query = Pick<CompiledQuery, 'sql' | 'parameters'>

/** A connection while somebody has it. */
export class Connection implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #limits: TimeLimits
  readonly #signal: AbortSignal | undefined
  #inTransaction = false
  #broken = false

  /** @param signal has the query under way cancelled, and no other begun */
  constructor(client: pg.PoolClient, limits: TimeLimits, signal?: AbortSignal) {
    this.#client = client
    this.#limits = limits
    this.#signal = signal
  }

  /**
   * Runs a query in the transaction that was begun, or else in one of its own.
   * @throws pg.DatabaseError when the server refuses it; ConnectionLost when there is no answer; the signal's reason
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

  /** Beginning, query and commit go to the server in one go. */
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

  /** The commit follows the answer: until then nobody else can have the server connection, and be cancelled for ours. */
  async #queryAbortably(sql: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const { stream } = this.#client.connection
    stream.cork()
    const began = this.#client.query(beginTransaction(this.#limits))
    const answered = this.#client.query(sql, [...values])
    stream.uncork()
    const [beginning, answer] = await Promise.allSettled([began, answered])
    // After a query that failed this rolls back. Whoever uses the connection next comes behind it.
    if (!this.#signal?.aborted) this.#client.query('commit').catch(() => this.cut())
    if (beginning.status === 'rejected') throw beginning.reason
    if (answer.status === 'rejected') throw answer.reason
    return answer.value
  }

  /** Once a cancellation was asked for the connection is cut within its transaction, so that it hits nothing else. */
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

/** What the server did not say is a failure of the connection: the driver has codes for few of those. */
export function asAnswer(error: unknown, Otherwise: typeof ConnectionLost | typeof ConnectionRefused): Error {
  if (error instanceof pg.DatabaseError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new Otherwise(reason === '' ? 'connection refused' : reason, { cause: error })
}
