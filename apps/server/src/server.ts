import { createEventBus, type EventBus, type EventStorage, systemEvent } from '@viewra/events-core'
import { prometheusMetrics } from '@viewra/events-core/prometheus'
import { createTypeRegistry } from '@viewra/events-core/schemas'
import { eventsModule, type HealthReport, handleError } from '@viewra/events-module'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Config } from './config.ts'
import { connectionLimits, streamsPerOwner } from './connection-limits.ts'
import { type ConnectionLimits, Connections } from './connections.ts'
import { readCookieSecret } from './cookie-secret.ts'
import { HTTP_TIMEOUTS, type HttpTimeouts, httpOptions } from './http-limits.ts'
import { defaultLimits, type LoadLimits, ownerOf, shedLoad } from './load-shedding.ts'
import { type LogStream, neverThrowing } from './log-stream.ts'
import { operations } from './operations.ts'
import { refuseConnection } from './refused-requests.ts'
import { RequestLog } from './request-log.ts'
import { startError } from './start-problem.ts'
import { TokensFile } from './tokens-file.ts'
import { answerInOneForm } from './unknown-paths.ts'

export interface EventServerOptions {
  readonly config: Config
  readonly version: string
  readonly logStream: LogStream
  /** The total time, in milliseconds, for which `stop` waits for requests and then for the bus; 8,000 by default. */
  readonly stopTimeoutMs?: number
  /** Time limits for clients; each has a default. */
  readonly timeouts?: Partial<HttpTimeouts>
  /** Limits of load; each has a default. */
  readonly limits?: Partial<LoadLimits & ConnectionLimits>
}

// Less than the ten seconds after which container engines kill what they have asked to stop.
const STOP_TIMEOUT_MS = 8_000

/** The time that a store has to close, beyond the time that the bus has for its work. */
const CLOSE_TIMEOUT_MS = 1_000

/** Characters that ids and names may have; Fastify takes 100 in a path by default. */
const MAX_NAME_LENGTH = 128

/** Combines core and module: an event bus, and its administration over HTTP. */
export class EventServer {
  readonly #options: EventServerOptions
  readonly #app: FastifyInstance
  readonly #bus: EventBus
  readonly #tokens: TokensFile | undefined
  readonly #cookieSecret: string | undefined
  readonly #limits: ConnectionLimits
  readonly #connections: Connections
  #stopping = false

  /** @param storage from `openStore`; it is closed when the server stops */
  constructor(options: EventServerOptions, storage: EventStorage) {
    const { config, logStream } = options
    const register = new Registry()
    collectDefaultMetrics({ register })
    const timeouts = { ...HTTP_TIMEOUTS, ...options.timeouts }
    this.#options = options
    this.#limits = { ...connectionLimits(timeouts), ...options.limits }
    this.#app = Fastify({
      logger: { level: config.logLevel, stream: neverThrowing(logStream) },
      logController: new RequestLog(),
      routerOptions: { maxParamLength: MAX_NAME_LENGTH },
      frameworkErrors: handleError,
      clientErrorHandler: refuseConnection,
      ...(config.trustProxy !== undefined && { trustProxy: config.trustProxy }),
      ...httpOptions(timeouts),
    })
    this.#connections = new Connections(this.#app.server, this.#limits)
    this.#ignoreEndedConnections()
    this.#bus = createEventBus({
      storage,
      metrics: prometheusMetrics({ register }),
      registry: createTypeRegistry(),
      logger: this.#app.log,
    })
    this.#tellOfServiceLinks()
    if (config.tokensFile !== undefined) {
      this.#tokens = new TokensFile(config.tokensFile, this.#app.log)
      // Without tokens nobody needs a cookie.
      if (config.cookieSecretFile !== undefined)
        this.#cookieSecret = readCookieSecret(config.cookieSecretFile)
    }
    answerInOneForm(this.#app, config.prefixes)
    const [apiPath = ''] = config.prefixes
    this.#app.register(operations, { health: () => this.#health(), register, apiPath, tokens: this.#tokens })
    this.#endConnectionsWhenStopping()
  }

  get log(): FastifyBaseLogger {
    return this.#app.log
  }

  /**
   * Starts the bus, then listens.
   * @returns the address, as a URL
   * @throws StartError when the store or the address cannot be had; nothing is left open
   */
  async start(): Promise<string> {
    try {
      await this.#bus.start()
      this.#app.register(async (api) => this.#serveEvents(api))
      const url = await this.#listen()
      await this.#bus.publish(
        systemEvent('system.started', { title: 'Event server started', data: this.#figures() }),
      )
      return url
    } catch (error) {
      await this.#app.close()
      await this.#bus.stop({ timeoutMs: 0 })
      throw startError(error, this.#options.config)
    }
  }

  /**
   * Accepts no more requests, answers those in progress, stores `system.stopped` and closes the store.
   * @returns whether everything that was accepted is done; the log says what is not
   */
  async stop(reason: string): Promise<boolean> {
    const timeoutMs = this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS
    const endMs = performance.now() + timeoutMs
    const leftMs = () => Math.max(1, Math.round(endMs - performance.now()))
    this.#stopping = true
    this.#app.log.info({ reason }, 'stopping')
    // Each gets half of the time that is left: the bus needs the rest for what those requests have brought.
    const answered = await this.#closeHttp(Math.ceil(leftMs() / 2))
    const announced = await this.#announceStop(reason, Math.ceil(leftMs() / 2))
    const report = await within(leftMs() + CLOSE_TIMEOUT_MS, this.#bus.stop({ timeoutMs: leftMs() }))
    const done = answered && announced && report?.drained === true && report.closed
    if (done) this.#app.log.info('stopped')
    else this.#app.log.error({ closed: false, ...report, answered, announced }, 'stopped with work undone')
    return done
  }

  async #serveEvents(api: FastifyInstance): Promise<void> {
    const { config, limits } = this.#options
    const tokens = this.#tokens
    const ofStreams = { streamsPerOwner: streamsPerOwner(this.#limits.connections) }
    shedLoad(api, { ...defaultLimits(), ...ofStreams, ...limits }, ownerOf(tokens !== undefined))
    const module = {
      bus: this.#bus,
      health: () => this.#health(),
      corsOrigins: config.corsOrigins,
      queryTimeoutMs: config.queryTimeoutMs,
      ...(tokens !== undefined && { tokens: () => tokens.entries() }),
      ...(this.#cookieSecret !== undefined && { cookieSecret: this.#cookieSecret }),
      ...(config.rateLimit !== undefined && { rateLimit: { requests: config.rateLimit, windowMs: 1_000 } }),
    }
    for (const prefix of config.prefixes)
      await api.register(async (scope) => scope.register(eventsModule, { ...module, prefix }))
  }

  #tellOfServiceLinks(): void {
    const { serviceLinks: variables, port } = this.#options.config
    if (variables.length === 0) return
    this.#app.log.info(
      { variables, port },
      'variables that Kubernetes has set for a Service are not read; set VIEWRA_EVENTS_PORT to a number for another port',
    )
  }

  /** Returns the health of the bus, and of the tokens file if there is one. */
  async #health(): Promise<HealthReport> {
    const { status, checks } = await this.#bus.health()
    if (this.#tokens === undefined) return { status, checks }
    const tokens = this.#tokens.health()
    return { status: status === 'ok' ? tokens.status : status, checks: { ...checks, tokens } }
  }

  async #listen(): Promise<string> {
    const { host, port, logLevel } = this.#options.config
    // Fastify logs the address at info, once more and for each address of localhost: whoever starts us tells it.
    this.#app.log.level = 'warn'
    try {
      return await this.#app.listen({ host, port })
    } finally {
      this.#app.log.level = logLevel
    }
  }

  /** Ignores requests that were read together with the one for which their connection was ended. */
  #ignoreEndedConnections(): void {
    this.#app.addHook('onRequest', (request, reply, done) => {
      if (request.raw.socket.destroyed) reply.hijack()
      done()
    })
  }

  /**
   * Fastify closes the connections that are idle when it is told to close, and waits for the others; those would be
   * kept open for the client's next request once they have their answer.
   */
  #endConnectionsWhenStopping(): void {
    this.#app.addHook('onSend', async (_request, reply) => {
      if (this.#stopping) reply.header('connection', 'close')
    })
    this.#app.addHook('onResponse', async (request) => {
      if (this.#stopping) request.raw.socket.destroySoon()
    })
  }

  /** Returns whether all requests were answered in time; the others have lost their connection. */
  async #closeHttp(timeoutMs: number): Promise<boolean> {
    const closed = this.#app.close().then(() => true)
    // Node keeps those that have sent nothing yet.
    this.#connections.endIdle()
    const answered = await within(timeoutMs, closed)
    if (answered === undefined) this.#app.server.closeAllConnections()
    return answered ?? false
  }

  async #announceStop(reason: string, timeoutMs: number): Promise<boolean> {
    const data = { version: this.#options.version, uptime_ms: uptimeMs(), reason }
    try {
      await this.#bus.publish(systemEvent('system.stopped', { title: 'Event server stopped', data }), {
        timeoutMs,
      })
      return true
    } catch (error) {
      this.#app.log.error(error, 'system.stopped could not be published')
      return false
    }
  }

  /** Returns the figures of `system.started`. An event server alone has no plugins, libraries, users or media. */
  #figures() {
    const none = { plugin_count: 0, library_count: 0, user_count: 0, media_count: 0 }
    return { version: this.#options.version, uptime_ms: uptimeMs(), ...none }
  }
}

/** Resolves with the result of `work`, or with undefined if it takes longer. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), timeoutMs)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function uptimeMs(): number {
  return Math.round(performance.now())
}
