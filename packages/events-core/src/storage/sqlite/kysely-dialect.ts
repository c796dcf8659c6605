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
 * SQLite for Kysely, but for two things. Transactions that will write begin as such: one that begins by reading fails
 * at its first write when another process has written meanwhile. And tables are created and changed in transactions,
 * which SQLite can do, so that migrations are done wholly, and by one process, or not at all.
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
    // SQLite may have done so itself, when the disk is full for one; a second time would hide why.
    if (this.#database.inTransaction) await super.rollbackTransaction(connection)
  }
}

class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}
