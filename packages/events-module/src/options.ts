import {
  type EventBus,
  type EventFilter,
  type EventHandler,
  type EventInput,
  EventsError,
  type HealthCheck,
  type HealthStatus,
  type Issue,
  type PublishOptions,
  type PublishReceipt,
  type SubscribeOptions,
  type Subscription,
} from '@viewra/events-core'
import type { FastifyRequest } from 'fastify'
import { cookieSecretRule, originsRule, problemOfTokens, rateLimitRule } from './http/access/access-rules.ts'
import type { Principal } from './http/access/principal.ts'
import type { Role } from './http/access/role.ts'
import type { TokenEntry } from './http/access/tokens.ts'
import { shown } from './http/request/rule.ts'

type Untyped =
  | 'running'
  | 'feed'
  | 'head'
  | 'documents'
  | 'list'
  | 'get'
  | 'delete'
  | 'clear'
  | 'types'
  | 'stats'
  | 'health'
  | 'subscriptions'

/** A bus, whatever event types it was made for: `createEventBus<MyEvents>()` is one too. */
export interface AnyEventBus extends Pick<EventBus, Untyped> {
  publish(input: EventInput, options?: PublishOptions): Promise<PublishReceipt>
  publishMany(inputs: readonly EventInput[], options?: PublishOptions): Promise<readonly PublishReceipt[]>
  subscribe(filter: EventFilter, handler: EventHandler, options?: SubscribeOptions): Promise<Subscription>
}

export interface EventsModuleOptions {
  /** The bus to administer; it must have been started. Starting and stopping it stays with whoever made it. */
  readonly bus: AnyEventBus
  /** Path of all routes, below the prefix of the app that registers the module; `/api/v1/events` by default. */
  readonly prefix?: string
  /**
   * Largest request body in bytes; 1,048,576 by default, four times what an event's data may have, for the white
   * space and the escapes that JSON allows. Raise it together with the bus's `maxDataBytes`.
   */
  readonly bodyLimit?: number
  /** Largest body of a batch in bytes; 33,554,432 by default. It is in memory as a whole before it is stored. */
  readonly batchBodyLimit?: number
  /** Pause between two heartbeats of a stream; 30,000 by default. */
  readonly heartbeatMs?: number
  /** Milliseconds for which a stream's client may read nothing before its connection is closed; 30,000 by default. */
  readonly streamStallMs?: number
  /** Milliseconds after which a query in the store is given up; 10,000 by default. */
  readonly queryTimeoutMs?: number
  /**
   * Who may do what: the tokens that are known, as `createToken` makes them, or a function that answers with those of
   * the moment. Without it, and without `authorize`, the module serves only programs of its own machine.
   */
  readonly tokens?: readonly TokenEntry[] | (() => readonly TokenEntry[])
  /**
   * Instead of tokens: the host app says who sent a request, which needs at least `role`; undefined for nobody that it
   * knows. It may throw an error of its own.
   */
  readonly authorize?: Authorize
  /**
   * Signs the cookies with which pages reconnect their streams: at least 32 random characters that nobody but the
   * servers knows, the same for each that serves the same pages. By default a random secret of this process: after a
   * restart, pages then need another ticket.
   */
  readonly cookieSecret?: string
  /** Origins, such as `https://media.example`, whose pages may use the API in a browser; none by default. */
  readonly corsOrigins?: readonly string[]
  /**
   * Requests that each token, or each address that has none, may send within a time; 2,000 within 1,000 ms by
   * default. Programs of the own machine, where no token is needed, are not limited.
   */
  readonly rateLimit?: RateLimit
  /**
   * Whether `/docs` shows the API to people; true by default. Without it the package @fastify/swagger-ui is not loaded,
   * and need not be there.
   */
  readonly docs?: boolean
  /** Returns the report of `GET /health`, for apps that have checks besides those of the bus; `bus.health()` by default. */
  readonly health?: () => Promise<HealthReport>
}

/** The worst status of the checks, and what each has found. */
export interface HealthReport {
  readonly status: HealthStatus
  readonly checks: Readonly<Record<string, HealthCheck>>
}

export type Authorize = (
  request: FastifyRequest,
  role: Role,
) => Principal | undefined | Promise<Principal | undefined>

export interface RateLimit {
  readonly requests: number
  readonly windowMs: number
}

/** The options with their defaults filled in. */
export interface ModuleOptions
  extends Required<Omit<EventsModuleOptions, 'tokens' | 'authorize' | 'cookieSecret'>> {
  readonly bus: EventBus
  readonly tokens: (() => readonly TokenEntry[]) | undefined
  readonly authorize: Authorize | undefined
  readonly cookieSecret: string | undefined
}

/** Node's timers take no more. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Says what an option must be, or nothing when it is fine. */
type OptionRule = (value: unknown) => string | undefined

const RULES: Readonly<Record<keyof EventsModuleOptions, OptionRule>> = {
  bus: (value) =>
    isBus(value) ? undefined : `must be an event bus, as createEventBus() makes it, not ${shown(value)}`,
  prefix: (value) =>
    typeof value === 'string' && /^(\/[^/?#]+)+$/.test(value)
      ? undefined
      : `must be a path such as /api/v1/events, without a slash at its end, not ${shown(value)}`,
  bodyLimit: integer(1, 2 ** 30),
  batchBodyLimit: integer(1, 2 ** 30),
  heartbeatMs: integer(1, MAX_TIMER_MS),
  streamStallMs: integer(1, MAX_TIMER_MS),
  queryTimeoutMs: integer(1, MAX_TIMER_MS),
  tokens: (value) => (typeof value === 'function' ? undefined : problemOfTokens(value)),
  authorize: functionRule,
  cookieSecret: cookieSecretRule,
  corsOrigins: originsRule,
  rateLimit: rateLimitRule,
  docs: (value) => (typeof value === 'boolean' ? undefined : `must be true or false, not ${shown(value)}`),
  health: functionRule,
}

/**
 * Checks the options and fills in the defaults. An option that is undefined counts as not given.
 * @throws EventsError EVENTS_INVALID that names each wrong or unknown option; EVENTS_NOT_RUNNING when the bus has not
 *   been started
 */
export function moduleOptions(options: EventsModuleOptions): ModuleOptions {
  const { bus, tokens } = options
  const issues = issuesOf(options)
  if (issues.length > 0 || !isBus(bus)) {
    const text = issues.map(({ path, message }) => `${path} ${message}`).join('; ')
    throw new EventsError('EVENTS_INVALID', `eventsModule options: ${text}`, { issues })
  }
  if (!bus.running) {
    throw new EventsError(
      'EVENTS_NOT_RUNNING',
      'eventsModule: the bus is not running: `await bus.start()` before `app.register(eventsModule, { bus })`',
    )
  }
  return {
    bus,
    prefix: options.prefix ?? '/api/v1/events',
    bodyLimit: options.bodyLimit ?? 1_048_576,
    batchBodyLimit: options.batchBodyLimit ?? 33_554_432,
    heartbeatMs: options.heartbeatMs ?? 30_000,
    streamStallMs: options.streamStallMs ?? 30_000,
    queryTimeoutMs: options.queryTimeoutMs ?? 10_000,
    tokens: typeof tokens === 'object' ? () => tokens : tokens,
    authorize: options.authorize,
    cookieSecret: options.cookieSecret,
    corsOrigins: options.corsOrigins ?? [],
    rateLimit: options.rateLimit ?? { requests: 2_000, windowMs: 1_000 },
    docs: options.docs ?? true,
    health: options.health ?? (() => bus.health()),
  }
}

const BOTH: Issue = { path: 'authorize', message: 'must not be given beside tokens: only one can decide' }

function issuesOf(options: EventsModuleOptions): Issue[] {
  const rules = new Map(Object.entries(RULES))
  // A bus that was left out is as wrong as one that is none.
  const given = [...new Map<string, unknown>([['bus', undefined], ...Object.entries(options)])]
  const both = options.tokens === undefined || options.authorize === undefined ? [] : [BOTH]
  return given
    .flatMap(([path, value]) => {
      const rule = rules.get(path)
      if (rule === undefined)
        return [{ path, message: `is not a known option; there are ${[...rules.keys()].join(', ')}` }]
      const problem = value === undefined && path !== 'bus' ? undefined : rule(value)
      return problem === undefined ? [] : [{ path, message: problem }]
    })
    .concat(both)
}

function functionRule(value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : `must be a function, not ${shown(value)}`
}

function integer(min: number, max: number): OptionRule {
  return (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? undefined
      : `must be an integer from ${min} to ${max}, not ${shown(value)}`
}

/**
 * By shape: the app may have loaded another copy of the core package than this module. The event types that a bus was
 * made for are known to the compiler only, so any bus passes for one of the default types.
 */
function isBus(value: unknown): value is EventBus {
  if (typeof value !== 'object' || value === null) return false
  return 'running' in value && 'publishMany' in value && 'feed' in value && 'list' in value
}
