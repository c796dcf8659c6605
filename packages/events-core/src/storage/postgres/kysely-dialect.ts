import {
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

/** PostgreSQL for Kysely, over our connections. @param signal has queries cancelled */
export function postgresKyselyDialect(
  connections: Connections,
  { schema }: Pick<PostgresSettings, 'schema'>,
  signal?: AbortSignal,
): Dialect {
  return {
    createDriver: () => new PooledDriver(connections, signal),
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new SchemaIntrospector(db, schema),
  }
}

class PooledDriver implements Driver {
  readonly #connections: Connections
  readonly #signal: AbortSignal | undefined

  constructor(connections: Connections, signal: AbortSignal | undefined) {
    this.#connections = connections
    this.#signal = signal
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<Connection> {
    return this.#connections.take(this.#signal)
  }

  async beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    try {
      await ours(connection).begin(settings)
    } catch (error) {
      // It may have got half of it.
      ours(connection).cut()
      throw error
    }
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await ours(connection).end('commit')
  }

  /** Never fails, so that what went wrong before it is what is told. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await ours(connection).end('rollback')
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

/** Kysely hands back what `acquireConnection` gave it. */
function ours(connection: DatabaseConnection): Connection {
  if (connection instanceof Connection) return connection
  throw new TypeError('this connection is of another driver')
}
