import type { ClientConfig } from 'pg'

/** What an open store needs to know, checked and with defaults filled in. */
export interface PostgresSettings {
  readonly connection: ClientConfig
  /** How to reach the server directly, for LISTEN. */
  readonly listenConnection: ClientConfig
  /** Host, port and database, for messages. */
  readonly place: string
  readonly schema: string
  readonly poolSize: number
  readonly statementTimeoutMs: number
  /** Whether events are recorded by the server's clock, and not by that of this process. */
  readonly serverClock: boolean
}
