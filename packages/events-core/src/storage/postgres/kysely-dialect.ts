import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresQueryCompiler,
  type TransactionSettings,
} from 'kysely'
import { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import { SchemaIntrospector } from './schema-introspector.ts'
import type { PostgresSettings } from './settings.ts'

/** PostgreSQL for Kysely, over our connections. */
export function postgresKyselyDialect(
  connections: Connections,
  { schema, statementTimeoutMs }: Pick<PostgresSettings, 'schema' | 'statementTimeoutMs'>,
): Dialect {
  return {
    createDriver: () => new PooledDriver(connections, statementTimeoutMs),
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new SchemaIntrospector(db, schema),
  }
}

/**
 * Begins transactions with their limits and isolation level, whatever the database's defaults are. The limits hold for
 * the transaction only: a pooler may give the next one another server connection, and this one to somebody else.
 */
class PooledDriver implements Driver {
  readonly #connections: Connections
  readonly #limits: string

  constructor(connections: Connections, timeoutMs: number) {
    this.#connections = connections
    // The last one is for a process that is frozen within a transaction: it must not hold up the others for ever.
    this.#limits = `
      set local statement_timeout = ${timeoutMs};
      set local lock_timeout = ${timeoutMs};
      set local idle_in_transaction_session_timeout = ${timeoutMs}`
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<Connection> {
    return this.#connections.take()
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const { isolationLevel = 'read committed', accessMode = 'read write' } = settings
    try {
      await execute(connection, `begin isolation level ${isolationLevel} ${accessMode};${this.#limits}`)
    } catch (error) {
      // It may have got half of it.
      ours(connection).cut()
      throw error
    }
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await execute(connection, 'commit')
  }

  /** Never fails, so that what went wrong before it is what is told. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await execute(connection, 'rollback')
    } catch {
      // The server rolls back what loses its connection.
      ours(connection).cut()
    }
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#connections.giveBack(ours(connection))
  }

  async destroy(): Promise<void> {
    this.#connections.end()
  }
}

async function execute(connection: DatabaseConnection, statements: string): Promise<void> {
  await connection.executeQuery(CompiledQuery.raw(statements))
}

/** Kysely hands back what `acquireConnection` gave it. */
function ours(connection: DatabaseConnection): Connection {
  if (connection instanceof Connection) return connection
  throw new TypeError('this connection is of another driver')
}
