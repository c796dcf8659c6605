import type { Database } from 'better-sqlite3'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  SqliteAdapter,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'

/**
 * Kysely's dialect for SQLite with two differences. Transactions that will write begin as writers: one that begins by
 * reading fails at its first write if another process has written meanwhile. And tables are created and changed in
 * transactions, which SQLite supports, so that one process runs the migrations completely or not at all.
 */
export function sqliteKyselyDialect(database: Database, begin: 'begin' | 'begin immediate'): Dialect {
  return {
    createDriver: () => new BeginningDriver(database, begin),
    createAdapter: () => new TransactionalDdlAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

class BeginningDriver extends SqliteDriver {
  readonly #database: Database
  readonly #begin: string

  constructor(database: Database, begin: string) {
    super({ database })
    this.#database = database
    this.#begin = begin
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(this.#begin))
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // SQLite may have rolled back itself, for example when the disk is full; a second rollback would hide the cause.
    if (this.#database.inTransaction) await super.rollbackTransaction(connection)
  }
}

class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}
