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

/** Returns Kysely's dialect for PostgreSQL over the store's connections. @param signal cancels queries */
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
      // The server may have received only a part.
      ours(connection).cut()
      throw error
    }
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await ours(connection).end('commit')
  }

  /** Never fails, so that the original error is reported. */
  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await ours(connection).end('rollback')
    } catch {
      // The server rolls back the transaction of a closed connection.
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

/** Kysely passes the connections that `acquireConnection` returned. */
function ours(connection: DatabaseConnection): Connection {
  if (connection instanceof Connection) return connection
  throw new TypeError('this connection belongs to another driver')
}
