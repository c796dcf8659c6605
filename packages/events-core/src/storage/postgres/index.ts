import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'
import { checkOptions, func, integer, type OptionRule, object, shown, text } from '../../check-options.ts'
import { invalid } from '../../errors.ts'
import type { EventStorage } from '../contract/storage.ts'
import { SqlStorage } from '../sql/storage.ts'
import { PostgresRunner } from './runner.ts'
import type { PostgresSettings } from './settings.ts'
import { urlFileProblem } from './url-files.ts'

export { isServerAway } from './errors.ts'

/** The connection to a server, instead of a URL; absent members have the defaults of `pg`. */
export interface PostgresConnection {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly user?: string
  /** The password; a function is called for each connection, so that the password may change. */
  readonly password?: string | (() => string | Promise<string>)
  /** Enables TLS: true, or options of `tls.connect` such as `{ ca }`; the certificate is verified. */
  readonly ssl?: boolean | ConnectionOptions
}

export interface PostgresStorageOptions {
  /**
   * `postgres://user:password@host:5432/database`; this or `connection` is required.
   * `?sslmode=verify-full&sslrootcert=/path/ca.crt` requires TLS and a certificate that this CA signed for the server's
   * name; without `sslrootcert` Node's CAs apply.
   */
  readonly url?: string
  readonly connection?: PostgresConnection
  /**
   * The URL of the server itself, to listen for other processes' events, if `url` is that of a pooler without sessions
   * (PgBouncer in transaction mode). Without it, those events are seen only when the bus polls.
   */
  readonly listenUrl?: string
  /** The schema of the tables, created if it does not exist; `viewra_events` by default. */
  readonly schema?: string
  /**
   * The maximum number of connections, besides one that appends and one that listens; 5 by default. Searches leave one of
   * them to quick lookups, so with a single connection, health waits for searches.
   */
  readonly poolSize?: number
  /**
   * The time that a statement may take; 30,000 by default. A wait for a lock ends after 3,000, or half of this value if
   * less.
   */
  readonly statementTimeoutMs?: number
  /** The time to wait for a connection; 5,000 by default. */
  readonly connectTimeoutMs?: number
  /** The name of the connections in the server's views; `viewra-events` by default. */
  readonly applicationName?: string
  /**
   * Returns the time in milliseconds since 1970; `Date.now` by default, with the server's clock for the times at which
   * events are recorded.
   */
  readonly now?: () => number
}

const RULES: Readonly<Record<keyof PostgresStorageOptions, OptionRule>> = {
  url: urlProblem,
  connection: object,
  listenUrl: urlProblem,
  schema: schemaProblem,
  poolSize: integer(1, 1_000),
  statementTimeoutMs: integer(1, 3_600_000),
  connectTimeoutMs: integer(1, 600_000),
  applicationName: text(63),
  now: func,
}

const CONNECTION_RULES: Readonly<Record<keyof PostgresConnection, OptionRule>> = {
  host: hostProblem,
  port: integer(1, 65_535),
  database: text(63),
  user: text(63),
  password: () => undefined,
  ssl: () => undefined,
}

/**
 * Creates a store in a PostgreSQL database, for several processes or machines that share one log. Needs the package `pg`.
 * @throws EventsError EVENTS_INVALID that names each invalid option, or the URL whose certificate files cannot be read
 * @example
 * const bus = createEventBus({ storage: postgresStorage({ url: 'postgres://app:secret@db/app' }) })
 */
export function postgresStorage(options: PostgresStorageOptions): EventStorage {
  const problem = object(options)
  if (problem !== undefined) throw invalid('postgresStorage', [{ path: 'options', message: problem }])
  checkOptions('postgresStorage', options, RULES)
  checkOptions('postgresStorage: connection', options.connection ?? {}, CONNECTION_RULES)
  if ((options.url === undefined) === (options.connection === undefined)) {
    throw invalid('postgresStorage', [{ path: 'url', message: 'or connection must be given, and not both' }])
  }
  const settings = settingsOf(options)
  return new SqlStorage({
    name: 'postgres',
    place: settings.place,
    now: options.now ?? Date.now,
    start: () => PostgresRunner.start(settings),
  })
}

function settingsOf(options: PostgresStorageOptions): PostgresSettings {
  const { url, listenUrl, schema = 'viewra_events', poolSize = 5, statementTimeoutMs = 30_000 } = options
  const others: pg.ClientConfig = {
    application_name: options.applicationName ?? 'viewra-events',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    // Detects, if late, a peer that disappeared without closing.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
  const at = (target: string) => ({ ...others, connectionString: target })
  const connection = url === undefined ? { ...others, ...options.connection } : at(url)
  const listenConnection = listenUrl === undefined ? connection : at(listenUrl)
  const place = placeOf(url === undefined ? 'connection' : 'url', connection)
  placeOf('listenUrl', listenConnection)
  return {
    connection,
    listenConnection,
    place,
    schema,
    poolSize,
    statementTimeoutMs,
    serverClock: options.now === undefined,
  }
}

/**
 * Returns host, port and database as the driver understands the options, with its defaults. The driver does not connect
 * here, but it reads the files that a URL names for TLS.
 */
function placeOf(path: string, connection: pg.ClientConfig): string {
  try {
    const { host, port, database } = new pg.Client(connection)
    return `${host}:${port}/${database ?? ''}`
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalid('postgresStorage', [{ path, message: `cannot be used: ${reason}` }])
  }
}

/** Captures the part after user, password, host and port. */
const BEHIND_HOST = /^postgres(?:ql)?:\/\/[^/?#]*(.*)$/s

/** Never shows the URL, which may contain a password. */
function urlProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `must be a string, not ${shown(value)}`
  const [, rest] = BEHIND_HOST.exec(value) ?? []
  if (rest === undefined) return 'must be a URL such as postgres://user:password@host:5432/database'
  // A password that contains / ? or # ends there: the rest would count as host or database, and be shown as such.
  return /[@#]/.test(rest)
    ? 'has an @ or # after its host: in a user, a password or a parameter write @ as %40, # as %23, / as %2F, ? as %3F'
    : urlFileProblem(value)
}

/** Rejects a URL, which would be shown with its password. */
function hostProblem(value: unknown): string | undefined {
  const isUrl = typeof value === 'string' && /@|:\/\//.test(value)
  return isUrl ? 'must be a name, an address or a directory: give a URL as url' : text(255)(value)
}

function schemaProblem(value: unknown): string | undefined {
  if (
    typeof value !== 'string' ||
    value === '' ||
    Buffer.byteLength(value) > 63 ||
    !/^[^\0\p{Surrogate}]+$/u.test(value)
  ) {
    return 'must be a string of 1 to 63 bytes without NUL'
  }
  return value.startsWith('pg_') ? 'must not begin with pg_, which PostgreSQL reserves' : undefined
}
