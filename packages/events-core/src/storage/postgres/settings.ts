import type { ClientConfig } from 'pg'

/** The settings of a store, checked and with defaults filled in. */
export interface PostgresSettings {
  readonly connection: ClientConfig
  /** The direct connection to the server, for LISTEN. */
  readonly listenConnection: ClientConfig
  /** Host, port and database, for messages. */
  readonly place: string
  readonly schema: string
  readonly poolSize: number
  readonly statementTimeoutMs: number
  /** True if events are recorded at the time of the server's clock, not this process's. */
  readonly serverClock: boolean
}
