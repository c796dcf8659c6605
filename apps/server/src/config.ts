import path from 'node:path'
import { type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type Database, databaseOf, shownDatabaseUrl } from './database-url.ts'
import { nearestName } from './nearest-name.ts'
import { readPrefixes } from './prefixes.ts'
import { isServiceLink } from './service-links.ts'
import { readTrustProxy, type TrustProxy } from './trust-proxy.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/**
 * Every environment variable of the server. This schema is the only place that knows them: it checks their values,
 * and `--help`, docs/reference/configuration.md and the messages about wrong values are made of `description`, `default` and
 * `accepts`.
 */
export const VARIABLES = Type.Object({
  VIEWRA_EVENTS_HOST: Type.String({
    minLength: 1,
    default: '127.0.0.1',
    description: 'Address it listens on; by default only this machine can reach it.',
    accepts:
      '`localhost`, `::1` or an address of 127.0.0.0/8; any address with `VIEWRA_EVENTS_TOKENS_FILE`, without which there is no access control',
  }),
  VIEWRA_EVENTS_PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 8080,
    description: 'Port it listens on; with 0 any free one, which the first line of output names.',
    accepts: 'an integer from 0 to 65535',
  }),
  VIEWRA_EVENTS_PREFIX: Type.String({
    minLength: 1,
    default: '/api/v1/events',
    description:
      'Path below which the API is served, or several of them; each has tickets and rate limits of its own. `/docs` and ' +
      '`/openapi.json` lead to those of the first.',
    accepts:
      'paths such as `/api/events`, with commas between them; none within another one, or within a path of the server’s own',
  }),
  VIEWRA_EVENTS_TRUST_PROXY: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Proxies that are believed what they say in `X-Forwarded-For`, `-Host` and `-Proto` of the client for whom they ask ' +
        '(docs/proxies.md). With `true` or a number of proxies, whoever reaches the port past the proxy can claim any ' +
        'address, host and protocol.',
      accepts:
        'addresses and ranges such as `10.0.0.7`, `172.16.0.0/12`, `loopback`, `linklocal` and `uniquelocal`, with commas ' +
        'between them; a number from 1 to 99; or `true`. Only with `VIEWRA_EVENTS_TOKENS_FILE`, without which nothing ' +
        'that a proxy forwards is served',
    }),
  ),
  VIEWRA_EVENTS_DATABASE_URL: Type.String({
    // `sqlite://…` has no host to name, and SQLite's own `:memory:` would be lost on the first closed connection.
    pattern: '^(memory:|sqlite:(?!//)(?!:memory:$).+|postgres(ql)?://.+)$',
    default: 'sqlite:./data/events.db',
    description:
      'Where events are kept: in a SQLite file, in a PostgreSQL database that several servers may share, or in memory, ' +
      'where they are gone with the process. A relative path starts at the directory from which the server is started.',
    accepts: '`sqlite:<path>`, `postgres://<user>:<password>@<host>:<port>/<database>` or `memory:`',
  }),
  VIEWRA_EVENTS_DATABASE_LISTEN_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://.+$',
      description:
        'The PostgreSQL server itself, when `VIEWRA_EVENTS_DATABASE_URL` names a pooler: one in transaction mode carries no ' +
        'notifications, and events of other servers would be seen a second late.',
      accepts:
        '`postgres://<user>:<password>@<host>:<port>/<database>`, with a PostgreSQL database in `VIEWRA_EVENTS_DATABASE_URL`',
    }),
  ),
  VIEWRA_EVENTS_DATABASE_WAIT_SECONDS: Type.Integer({
    minimum: 0,
    maximum: 86_400,
    default: 30,
    description:
      'How long a start waits for a PostgreSQL server that is away: that cannot be reached, starts up or has no connection ' +
      'left. A wrong password or database name ends the start at once.',
    accepts: 'an integer from 0 to 86400',
  }),
  VIEWRA_EVENTS_TOKENS_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Who may do what: a JSON list of `{ name, role, hash, sources?, types? }`, read again when it changes. Without it ' +
        'all that comes from this machine may do everything, and nothing else is served.',
      accepts: 'a path',
    }),
  ),
  VIEWRA_EVENTS_COOKIE_SECRET_FILE: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Holds the secret that signs the cookies with which pages reconnect their streams; it is made, readable for its ' +
        'owner only, when it is not there. By default it lies beside the SQLite file, as `<file>.cookie-secret`; with ' +
        'another database the secret is in memory, and pages need another ticket after a restart. Servers that share a ' +
        'database share it, too.',
      accepts: 'a path',
    }),
  ),
  VIEWRA_EVENTS_QUERY_TIMEOUT_MS: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 10_000,
    description:
      'How long the store may look for the answer to a request, in milliseconds; it is given up then and answered with 503.',
    accepts: 'an integer from 100 to 600000',
  }),
  VIEWRA_EVENTS_RATE_LIMIT: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description:
        'Requests that each token may send in a second, 2000 when it is not set; what is beyond is answered with 429. ' +
        'Without tokens there is no such limit.',
      accepts: 'an integer from 1 to 1000000',
    }),
  ),
  VIEWRA_EVENTS_CORS_ORIGINS: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Origins whose pages may use the API in a browser, besides the server’s own.',
      accepts: 'origins such as `https://media.example`, with commas between them',
    }),
  ),
  VIEWRA_EVENTS_LOG_LEVEL: Type.Union(
    LOG_LEVELS.map((level) => Type.Literal(level)),
    {
      default: 'info',
      description: 'The least severe messages that are logged; requests are logged at debug.',
      accepts: LOG_LEVELS.map((level) => `\`${level}\``).join(', '),
    },
  ),
})

const LOOPBACK = /^(localhost|::1|127(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3})$/

export interface Config {
  readonly host: string
  readonly port: number
  /** Paths of the API, at least one. */
  readonly prefixes: readonly string[]
  readonly trustProxy: TrustProxy | undefined
  readonly database: Database
  /** Where notifications of PostgreSQL come from when the database's URL is that of a pooler. */
  readonly listenUrl: string | undefined
  /** The time for which a start waits for the database. */
  readonly databaseWaitMs: number
  /** Absolute. */
  readonly tokensFile: string | undefined
  /** Absolute; undefined for a secret in memory. */
  readonly cookieSecretFile: string | undefined
  readonly queryTimeoutMs: number
  /** Requests of one token in a second. */
  readonly rateLimit: number | undefined
  readonly corsOrigins: readonly string[]
  readonly logLevel: (typeof LOG_LEVELS)[number]
  /** Variables with our prefix that Kubernetes has set and that were not read. */
  readonly serviceLinks: readonly string[]
}

/** The environment holds what the server cannot take; `problems` has a line for each variable that is wrong. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

type Environment = Readonly<Record<string, string | undefined>>

const PREFIX = 'VIEWRA_EVENTS_'

/**
 * @param directory where relative paths start
 * @throws ConfigError for a wrong value, and for a name with our prefix that is not ours: most likely it is misspelt
 */
export function readConfig(environment: Environment, directory: string): Config {
  const given = Object.entries(environment).filter(([name]) => name.toUpperCase().startsWith(PREFIX))
  const serviceLinks = given.filter(([name, value]) => isServiceLink(name, value ?? ''))
  const env = Object.fromEntries(given.filter((variable) => !serviceLinks.includes(variable)))
  const values: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(VARIABLES.properties)) values[name] = parse(schema, env[name])
  const problems = [...unknownNames(env), ...wrongValues(values, env)]
  if (problems.length > 0 || !Value.Check(VARIABLES, values)) throw new ConfigError(problems)
  const { VIEWRA_EVENTS_TOKENS_FILE: tokensFile, VIEWRA_EVENTS_TRUST_PROXY: trustProxy } = values
  const database = databaseOf(values.VIEWRA_EVENTS_DATABASE_URL, directory)
  const cookieSecretFile = values.VIEWRA_EVENTS_COOKIE_SECRET_FILE ?? fileBeside(database, '.cookie-secret')
  return {
    host: values.VIEWRA_EVENTS_HOST,
    port: values.VIEWRA_EVENTS_PORT,
    prefixes: readPrefixes(values.VIEWRA_EVENTS_PREFIX) ?? [],
    trustProxy: trustProxy === undefined ? undefined : readTrustProxy(trustProxy),
    database,
    listenUrl: values.VIEWRA_EVENTS_DATABASE_LISTEN_URL,
    databaseWaitMs: values.VIEWRA_EVENTS_DATABASE_WAIT_SECONDS * 1_000,
    tokensFile: tokensFile === undefined ? undefined : path.resolve(directory, tokensFile),
    cookieSecretFile: cookieSecretFile === undefined ? undefined : path.resolve(directory, cookieSecretFile),
    queryTimeoutMs: values.VIEWRA_EVENTS_QUERY_TIMEOUT_MS,
    rateLimit: values.VIEWRA_EVENTS_RATE_LIMIT,
    corsOrigins: values.VIEWRA_EVENTS_CORS_ORIGINS?.split(',') ?? [],
    logLevel: values.VIEWRA_EVENTS_LOG_LEVEL,
    serviceLinks: serviceLinks.map(([name]) => name),
  }
}

function parse(schema: TSchema, text: string | undefined): unknown {
  if (text === undefined) return schema.default
  // Nothing but plain digits: '0x50', '8e3' and ' 80' are numbers to JavaScript, and most likely mistakes here.
  return schema.type === 'integer' && /^\d{1,9}$/.test(text) ? Number(text) : text
}

function unknownNames(env: Environment): string[] {
  const known = Object.keys(VARIABLES.properties)
  return Object.keys(env)
    .filter((name) => !known.includes(name))
    .map((name) => `${name} is not a variable of this server: did you mean ${nearestName(name, known)}?`)
}

function wrongValues(values: Readonly<Record<string, unknown>>, env: Environment): string[] {
  return Object.entries(VARIABLES.properties)
    .filter(
      ([name, schema]: [string, TSchema]) =>
        (values[name] !== undefined && !Value.Check(schema, values[name])) ||
        CHECKS.get(name)?.(values) === false,
    )
    .map(([name, schema]) => `${name} is ${shown(name, env[name] ?? '')}: it takes ${schema.accepts}`)
}

type Values = Readonly<Record<string, unknown>>

/** Checks beyond the schemas: each returns whether a value is valid together with the others. */
const CHECKS: ReadonlyMap<string, (values: Values) => boolean> = new Map([
  // An address that others can reach needs something that tells them apart, and so does a proxy.
  [
    'VIEWRA_EVENTS_HOST',
    ({ VIEWRA_EVENTS_HOST: host, VIEWRA_EVENTS_TOKENS_FILE: tokens }: Values) =>
      tokens !== undefined || LOOPBACK.test(String(host)),
  ],
  [
    'VIEWRA_EVENTS_TRUST_PROXY',
    ({ VIEWRA_EVENTS_TRUST_PROXY: text, VIEWRA_EVENTS_TOKENS_FILE: tokens }: Values) =>
      text === undefined || (tokens !== undefined && readTrustProxy(String(text)) !== undefined),
  ],
  [
    'VIEWRA_EVENTS_DATABASE_LISTEN_URL',
    ({ VIEWRA_EVENTS_DATABASE_LISTEN_URL: listen, VIEWRA_EVENTS_DATABASE_URL: url }: Values) =>
      listen === undefined || String(url).startsWith('postgres'),
  ],
  [
    'VIEWRA_EVENTS_PREFIX',
    ({ VIEWRA_EVENTS_PREFIX: text }: Values) => readPrefixes(String(text)) !== undefined,
  ],
  [
    'VIEWRA_EVENTS_CORS_ORIGINS',
    ({ VIEWRA_EVENTS_CORS_ORIGINS: text }: Values) =>
      text === undefined || String(text).split(',').every(isOrigin),
  ],
])

/** Returns whether it is an origin as browsers write it: another spelling would match none. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.parse(text)?.origin === text
}

function fileBeside({ url }: Database, suffix: string): string | undefined {
  return url.startsWith('sqlite:') ? url.slice('sqlite:'.length) + suffix : undefined
}

/**
 * Returns the value without a password, even if a database's address was given for another variable: the message ends up in
 * logs.
 */
function shown(name: string, value: string): string {
  const isDatabase = name.endsWith('_URL') || /:\/\/.*@|password/is.test(value)
  return JSON.stringify(isDatabase ? shownDatabaseUrl(value) : value)
}
