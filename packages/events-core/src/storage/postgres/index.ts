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

/** How to reach a server, instead of a URL; what is missing is what `pg` takes by default. */
export interface PostgresConnection {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly user?: string
  /** A function is called for each connection, so that a password may change. */
  readonly password?: string | (() => string | Promise<string>)
  /** TLS: true, or what `tls.connect` takes, such as `{ ca }`; the certificate is verified. */
  readonly ssl?: boolean | ConnectionOptions
}

export interface PostgresStorageOptions {
  /**
   * `postgres://user:password@host:5432/database`; this or `connection`. With `?sslmode=verify-full&sslrootcert=/path/ca.crt`
   * it goes by TLS only, to a server whose certificate this CA signed for its name; without `sslrootcert` Node's CAs count.
   */
  readonly url?: string
  readonly connection?: PostgresConnection
  /**
   * The server itself, when `url` is a pooler's that keeps no sessions (PgBouncer in transaction mode): new events of
   * other processes are listened for there. Without it they are seen when the bus polls.
   */
  readonly listenUrl?: string
  /** Where the tables are; `viewra_events` by default. It is created when it is not there. */
  readonly schema?: string
  /**
   * Connections at the most, beside one that appends and one that listens; 5 by default. Searches leave one of them to
   * what is found at once, so with a single one health waits for them.
   */
  readonly poolSize?: number
  /** How long a statement may take; 30,000 by default. A wait for a lock ends after 3,000 or half of it, if that is less. */
  readonly statementTimeoutMs?: number
  /** How long to wait for a connection; 5,000 by default. */
  readonly connectTimeoutMs?: number
  /** What the server's views call the connections; `viewra-events` by default. */
  readonly applicationName?: string
  /** The time, in milliseconds since 1970. By default events are recorded by the server's clock; `Date.now` is for the rest. */
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
 * Events in a PostgreSQL database, for several processes or machines that share one log. Needs the package `pg`.
 * @throws EventsError EVENTS_INVALID that names each wrong option, or the URL whose certificate files cannot be read
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
    // A peer that vanished without a word is noticed, if late.
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
 * As the driver understands the options, with its defaults; it does not connect here, but reads the files that a URL
 * names for TLS.
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

/** What comes behind user, password, host and port. */
const BEHIND_HOST = /^postgres(?:ql)?:\/\/[^/?#]*(.*)$/s

/** Never shows the URL, which may have a password in it. */
function urlProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `must be a text, not ${shown(value)}`
  const [, rest] = BEHIND_HOST.exec(value) ?? []
  if (rest === undefined) return 'must be a URL such as postgres://user:password@host:5432/database'
  // A password with / ? or # in it ends there: its rest would be taken for the host or the database, and shown as such.
  return /[@#]/.test(rest)
    ? 'has an @ or # behind its host: in a user, a password or a parameter write @ as %40, # as %23, / as %2F, ? as %3F'
    : urlFileProblem(value)
}

/** A URL in its place would be shown with its password. */
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
    return 'must be a text of 1 to 63 bytes without NUL'
  }
  return value.startsWith('pg_') ? 'must not begin with pg_, which PostgreSQL keeps for itself' : undefined
}
