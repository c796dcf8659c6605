import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { Kysely, sql, type Transaction } from 'kysely'
import { EventsError } from '../../errors.ts'
import { AbortableWork } from '../abortable-work.ts'
import type { AppendResult, EventRecord } from '../contract/storage.ts'
import { type Rest, SearchTurns } from '../search-turns.ts'
import { migrate } from '../sql/migrate.ts'
import type { LogTables } from '../sql/schema.ts'
import type { Pace } from '../sql/search/windows.ts'
import type { SqlLog } from '../sql/sql-log.ts'
import { Turns } from '../turns.ts'
import { Appender } from './append.ts'
import { checkServer } from './check-server.ts'
import { Connections } from './connections.ts'
import { postgresDialect } from './dialect.ts'
import { storageError } from './errors.ts'
import { postgresKyselyDialect } from './kysely-dialect.ts'
import { eventLog } from './migrations/001-event-log.ts'
import { subscriptions } from './migrations/002-subscriptions.ts'
import { deadLetters } from './migrations/003-dead-letters.ts'
import { keptFrom } from './migrations/004-kept-from.ts'
import { missed } from './migrations/005-missed.ts'
import { claim } from './migrations/006-claim.ts'
import { moreCounts } from './migrations/007-more-counts.ts'
import { countedBatches } from './migrations/008-counted-batches.ts'
import { pinnedPlans } from './migrations/009-pinned-plans.ts'
import type { PostgresSettings } from './settings.ts'

const MIGRATIONS = {
  '001-event-log': eventLog,
  '002-subscriptions': subscriptions,
  '003-dead-letters': deadLetters,
  '004-kept-from': keptFrom,
  '005-missed': missed,
  '006-claim': claim,
  '007-more-counts': moreCounts,
  '008-counted-batches': countedBatches,
  '009-pinned-plans': pinnedPlans,
}

/** A window is a statement of its own, so that none runs into its limit. */
const SEARCH_PACE: Omit<Pace, 'rest'> = { first: 2_000, max: 500_000, targetMs: 50 }
/** Appends wait for each slice of a delete. */
const DELETE_PACE: Omit<Pace, 'rest'> = { first: 200, max: 5_000, targetMs: 10 }

/** How long `close` lets finish what is under way. */
const CLOSE_MS = 2_000

/** The database from one opening to the next closing. */
export class LogDatabase {
  readonly #settings: PostgresSettings
  readonly #db: Kysely<LogTables>
  readonly #log: SqlLog
  readonly #connections: Connections
  /** Appends have a connection of their own: no number of searches holds them up. */
  readonly #appendConnections: Connections
  readonly #appender: Appender
  readonly #appends = new Turns()
  readonly #running = new Set<Promise<unknown>>()
  readonly #abortable = new AbortableWork()
  readonly #turns: SearchTurns
  #closing = false

  constructor(settings: PostgresSettings, origin: string) {
    const { schema, poolSize } = settings
    this.#settings = settings
    this.#connections = new Connections({ ...settings, size: poolSize })
    // One connection is left to what is found at once, such as the head, and to what changes the log.
    this.#turns = new SearchTurns(Math.max(1, poolSize - 1))
    this.#appendConnections = new Connections({ ...settings, size: 1 })
    this.#appender = new Appender({ connections: this.#appendConnections, settings, origin })
    this.#db = this.#connect()
    this.#log = {
      db: this.#db,
      dialect: postgresDialect(schema),
      pace: { ...SEARCH_PACE, rest: () => setImmediate() },
      snapshot: (work) => snapshot(this.#db, work),
      transaction: (work) => this.#change(work),
    }
  }

  /**
   * Makes the schema and its tables, or brings them up to date.
   * @throws EventsError EVENTS_STORAGE_*; nothing was changed when the server or its database cannot be used
   */
  migrate(): Promise<void> {
    const { schema, place } = this.#settings
    const target = { db: this.#db, schema, transaction: this.#prepare.bind(this) }
    return this.#run(async () => {
      await checkServer(this.#db, place)
      await migrate(target, MIGRATIONS, place)
    })
  }

  /** One batch at a time, in the order of the calls: each is a transaction, and the next has to come after it. */
  append(records: readonly EventRecord[], nowMs: number): Promise<AppendResult> {
    return this.#run(() =>
      this.#appends.take(async () => {
        this.#refuseWhenClosing()
        return await this.#appender.append(records, nowMs)
      }),
    )
  }

  /**
   * For what is found at once, and for what changes no event.
   * @throws EventsError EVENTS_STORAGE_*, EVENTS_NOT_RUNNING
   */
  use<T>(work: (log: SqlLog) => Promise<T>): Promise<T> {
    return this.#run(() => work(this.#log))
  }

  /** For what may look at many events. @throws as `use`; the signal's reason */
  search<T>(work: (log: SqlLog) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const search = (own: AbortSignal, rest: Rest) => {
      const db = this.#connect(own)
      const pace = { ...SEARCH_PACE, rest }
      return work({ ...this.#log, db, pace, snapshot: (read) => snapshot(db, read) })
    }
    return this.#abortable.run(signal, (own) =>
      this.#run(() => this.#turns.run(own, (rest) => search(own, rest))),
    )
  }

  /** For deletes: what they are to find is settled in turn with this process's appends. @throws as `search` */
  remove<T>(work: (log: SqlLog) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const inTurn: SqlLog['snapshot'] = (read) => this.#appends.take(() => snapshot(this.#db, read))
    const rest = async (own: AbortSignal) => {
      await setImmediate()
      own.throwIfAborted()
    }
    return this.#abortable.run(signal, (own) =>
      this.#run(() =>
        work({ ...this.#log, pace: { ...DELETE_PACE, rest: () => rest(own) }, snapshot: inTurn }),
      ),
    )
  }

  /** Tells those who listen. @throws EventsError EVENTS_STORAGE_* */
  async notify(payload: string): Promise<void> {
    const { schema } = this.#settings
    await this.use(({ db }) => sql`select pg_notify(${schema}, ${payload})`.execute(db))
  }

  /** Gives long work up at its next rest, waits a moment for the rest, and cuts off what is still under way. */
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

  /** Says of what goes wrong what was wrong with the database. */
  async #run<T>(work: () => Promise<T>): Promise<T> {
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

  /** The tables. @param signal has queries cancelled */
  #connect(signal?: AbortSignal): Kysely<LogTables> {
    const dialect = postgresKyselyDialect(this.#connections, this.#settings, signal)
    return new Kysely<LogTables>({ dialect }).withSchema(this.#settings.schema)
  }

  /**
   * Whoever changes the log, by appending or otherwise, holds its head row: so changes come one after the other, as in
   * SQLite, and none can wait for another in a circle.
   */
  #change<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async (transaction) => {
      await transaction.selectFrom('log_head').select('position').forUpdate().execute()
      return await work(transaction)
    })
  }

  /** There may be no head row yet, so a lock of the database's own lets one process at a time make the tables. */
  #prepare<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T> {
    const { schema } = this.#settings
    return this.#db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`viewra events ${schema}`}, 0))`.execute(
        transaction,
      )
      // `if not exists` asks for the right to create schemas even when there is nothing to do.
      const { rows } = await sql`select from pg_catalog.pg_namespace where nspname = ${schema}`.execute(
        transaction,
      )
      if (rows.length === 0) await sql`create schema ${sql.id(schema)}`.execute(transaction)
      // Temporary tables come last: one that is called as one of ours must not stand in front of it.
      await sql`set local search_path to ${sql.id(schema)}, pg_temp`.execute(transaction)
      return await work(transaction)
    })
  }

  #refuseWhenClosing(): void {
    if (this.#closing) throw closedEarly()
  }
}

function snapshot<T>(db: Kysely<LogTables>, work: (db: Kysely<LogTables>) => Promise<T>): Promise<T> {
  return db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work)
}

function closedEarly(): EventsError {
  return new EventsError('EVENTS_NOT_RUNNING', 'the event store was closed before this was done')
}
