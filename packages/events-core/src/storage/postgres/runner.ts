import { randomUUID } from 'node:crypto'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { Kysely, sql, type Transaction } from 'kysely'
import { EventsError } from '../../errors.ts'
import { AbortableWork } from '../abortable-work.ts'
import { type Rest, SearchTurns } from '../search-turns.ts'
import { migrate } from '../sql/migrate.ts'
import { findOperation } from '../sql/operations.ts'
import type { Channel, Hear, OperationCall, Runner } from '../sql/runner.ts'
import type { LogTables } from '../sql/schema.ts'
import type { Pace } from '../sql/search/windows.ts'
import type { SqlLog } from '../sql/sql-log.ts'
import { Turns } from '../turns.ts'
import { checkServer } from './check-server.ts'
import { Connections } from './connections.ts'
import { postgresDialect } from './dialect.ts'
import { isAlreadyThere, storageError } from './errors.ts'
import { postgresKyselyDialect } from './kysely-dialect.ts'
import { MIGRATIONS } from './migrations/migrations.ts'
import type { PostgresSettings } from './settings.ts'
import { Listener } from './watch.ts'

/** Each window is a separate statement, so that none reaches the time limit. */
const SEARCH_PACE: Omit<Pace, 'rest'> = { first: 2_000, max: 500_000, targetMs: 50 }
/** Appends wait for each slice of a delete. */
const DELETE_PACE: Omit<Pace, 'rest'> = { first: 200, max: 5_000, targetMs: 10 }

/** The time that `close` gives the calls under way to finish. */
const CLOSE_MS = 2_000

type Work = (log: SqlLog) => Promise<unknown>

/** The database, from one `open` to the next `close`. */
export class PostgresRunner implements Runner {
  readonly #settings: PostgresSettings
  readonly #db: Kysely<LogTables>
  readonly #log: SqlLog
  readonly #connections: Connections
  /** The connection of appends: no number of searches holds them up. */
  readonly #appendConnections: Connections
  readonly #appendDb: Kysely<LogTables>
  readonly #appends = new Turns()
  readonly #running = new Set<Promise<unknown>>()
  readonly #abortable = new AbortableWork()
  readonly #turns: SearchTurns
  /** Distinguishes this store's notifications from those of others. */
  readonly #origin = randomUUID()
  #closing = false

  private constructor(settings: PostgresSettings) {
    const { poolSize } = settings
    this.#settings = settings
    this.#connections = new Connections({ ...settings, size: poolSize })
    // One connection is left to quick lookups, such as the head, and to changes of the log.
    this.#turns = new SearchTurns(Math.max(1, poolSize - 1))
    this.#appendConnections = new Connections({ ...settings, size: 1 })
    this.#appendDb = this.#connect(this.#appendConnections)
    this.#db = this.#connect(this.#connections)
    this.#log = {
      db: this.#db,
      dialect: postgresDialect(settings, this.#origin),
      pace: { ...SEARCH_PACE, rest: () => setImmediate() },
      snapshot: (work) => snapshot(this.#db, work),
      aside: (work) => this.#changeAside(work),
      transaction: (work) => this.#change(work),
    }
  }

  /**
   * Creates or migrates the schema and its tables.
   * @throws EventsError EVENTS_STORAGE_*; nothing was changed if the server or its database cannot be used
   */
  static async start(settings: PostgresSettings): Promise<PostgresRunner> {
    const runner = new PostgresRunner(settings)
    try {
      await runner.#migrate()
      return runner
    } catch (error) {
      await runner.close()
      throw error
    }
  }

  run(call: OperationCall, signal: AbortSignal | undefined): Promise<unknown> {
    const operation = findOperation(call)
    const work: Work = (log) => operation({ ...log, nowMs: call.nowMs }, ...call.args)
    switch (call.lane) {
      case 'append':
        return this.#append(work)
      case 'lookup':
      case 'write':
        return this.#track(() => work(this.#log))
      case 'search':
        return this.#search(work, signal)
      case 'remove':
        return this.#remove(work, signal)
    }
  }

  listen(hear: Hear): Channel {
    return new Listener({
      settings: this.#settings,
      origin: this.#origin,
      hear,
      notify: (payload) => this.#notify(payload),
    })
  }

  /** Ends long work at its next rest, waits a moment for other calls, and closes connections that are still in use. */
  async close(): Promise<void> {
    this.#closing = true
    this.#abortable.abort(closedEarly())
    const patience = new AbortController()
    const finished = Promise.allSettled(this.#running)
    await Promise.race([finished, sleep(CLOSE_MS, undefined, { signal: patience.signal }).catch(() => {})])
    patience.abort()
    this.#appendConnections.end()
    this.#connections.end()
    await finished
  }

  #migrate(): Promise<void> {
    const { schema, place } = this.#settings
    const target = { db: this.#db, schema, transaction: this.#prepare.bind(this) }
    return this.#track(async () => {
      await checkServer(this.#db, place)
      await migrate(target, MIGRATIONS, place)
    })
  }

  /** Appends one batch at a time, in the order of the calls: each is a transaction, and the next must come after it. */
  #append(work: Work): Promise<unknown> {
    return this.#track(() =>
      this.#appends.take(() => {
        if (this.#closing) throw closedEarly()
        return work({ ...this.#log, db: this.#appendDb })
      }),
    )
  }

  #search(work: Work, signal: AbortSignal | undefined): Promise<unknown> {
    const search = (own: AbortSignal, rest: Rest) => {
      const db = this.#connect(this.#connections, own)
      const pace = { ...SEARCH_PACE, rest }
      return work({ ...this.#log, db, pace, snapshot: (read) => snapshot(db, read) })
    }
    return this.#abortable.run(signal, (own) =>
      this.#track(() => this.#turns.run(own, (rest) => search(own, rest))),
    )
  }

  /** The scope of a delete is determined in turn with this process's appends. */
  #remove(work: Work, signal: AbortSignal | undefined): Promise<unknown> {
    const inTurn: SqlLog['snapshot'] = (read) => this.#appends.take(() => snapshot(this.#db, read))
    const rest = async (own: AbortSignal) => {
      await setImmediate()
      own.throwIfAborted()
    }
    return this.#abortable.run(signal, (own) =>
      this.#track(() =>
        work({ ...this.#log, pace: { ...DELETE_PACE, rest: () => rest(own) }, snapshot: inTurn }),
      ),
    )
  }

  /** Sends a notification. @throws EventsError EVENTS_STORAGE_* */
  async #notify(payload: string): Promise<void> {
    const { schema } = this.#settings
    await this.#track(() => sql`select pg_notify(${schema}, ${payload})`.execute(this.#db))
  }

  /** Converts failures into EventsErrors that name the database. */
  async #track<T>(work: () => Promise<T>): Promise<T> {
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      throw storageError(error, this.#settings.place)
    } finally {
      this.#running.delete(running)
    }
  }

  /** Returns the tables over the connections. @param signal cancels queries */
  #connect(connections: Connections, signal?: AbortSignal): Kysely<LogTables> {
    const dialect = postgresKyselyDialect(connections, this.#settings, signal)
    return new Kysely<LogTables>({ dialect }).withSchema(this.#settings.schema)
  }

  /**
   * Runs a change of the log, which locks its head row: so changes happen one after the other, as in SQLite, and cannot
   * deadlock.
   */
  #change<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async (transaction) => {
      await transaction.selectFrom('log_head').select('position').forUpdate().execute()
      return await work(transaction)
    })
  }

  /**
   * Retries once: of two processes that create the same row at the same moment, the later one finds it at the second
   * attempt.
   */
  async #changeAside<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T> {
    try {
      return await this.#db.transaction().execute(work)
    } catch (error) {
      if (!isAlreadyThere(error)) throw error
      return await this.#db.transaction().execute(work)
    }
  }

  /** There may be no head row yet, so an advisory lock lets one process at a time create the tables. */
  #prepare<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T> {
    const { schema } = this.#settings
    return this.#db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`viewra events ${schema}`}, 0))`.execute(
        transaction,
      )
      // `if not exists` requires the right to create schemas even if there is nothing to do.
      const { rows } = await sql`select from pg_catalog.pg_namespace where nspname = ${schema}`.execute(
        transaction,
      )
      if (rows.length === 0) await sql`create schema ${sql.id(schema)}`.execute(transaction)
      // Temporary tables come last: one with the name of the store's table must not hide it.
      await sql`set local search_path to ${sql.id(schema)}, pg_temp`.execute(transaction)
      return await work(transaction)
    })
  }
}

function snapshot<T>(db: Kysely<LogTables>, work: (db: Kysely<LogTables>) => Promise<T>): Promise<T> {
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work)
}

function closedEarly(): EventsError {
  return new EventsError('EVENTS_NOT_RUNNING', 'the event store was closed before the call was done')
}
