import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EventsScope } from '../../feature.ts'
import type { ModuleOptions } from '../../options.ts'
import { HttpError, invalidRequest } from '../problem.ts'
import { assertPrincipal } from './access-rules.ts'
import { requireLocal, requireOwnOrigin } from './local-only.ts'
import { type Principal, principalOf, requireRole, setPrincipal } from './principal.ts'
import type { Role } from './role.ts'
import { StreamCookies } from './stream-cookie.ts'
import type { Tickets } from './tickets.ts'
import { findToken, requireCurrent } from './tokens.ts'

/** Failed attempts of one address within a minute, after which further ones are not looked at as such. */
const FAILURES = { max: 10, timeWindow: 60_000 }

/** Whoever uses this machine is its admin. */
const LOCAL: Principal = { name: 'local', role: 'admin' }

type AccessOptions = Pick<
  ModuleOptions,
  'tokens' | 'authorize' | 'corsOrigins' | 'rateLimit' | 'cookieSecret'
>

type Limiter = ReturnType<EventsScope['createRateLimit']>

/**
 * Decides before a request's body is read whether it is served: by its token, ticket or cookie, by what the host app
 * says of it, or, where neither is configured, by whether it comes from this machine.
 */
export class Access {
  readonly #options: AccessOptions
  readonly #tickets: Tickets
  readonly #cookies: StreamCookies
  readonly #failures: Limiter
  readonly #requests: Limiter

  /** @param scope has the rate limits' plugin */
  constructor(scope: EventsScope, options: AccessOptions, tickets: Tickets) {
    this.#options = options
    this.#tickets = tickets
    this.#cookies = new StreamCookies(options.cookieSecret)
    this.#failures = scope.createRateLimit({ ...FAILURES, keyGenerator: ({ ip }) => `failures of ${ip}` })
    const {
      rateLimit: { requests, windowMs },
    } = options
    this.#requests = scope.createRateLimit({ max: requests, timeWindow: windowMs, keyGenerator: allowanceOf })
  }

  /** Has each request to the scope's routes checked. */
  guard(scope: EventsScope): void {
    const isOpenMode = this.#options.tokens === undefined && this.#options.authorize === undefined
    if (!isOpenMode) scope.addHook('onRequest', async (request, reply) => this.#check(request, reply))
    else
      scope.addHook('onRequest', (request, _reply, done) => {
        this.#admitLocal(request)
        done()
      })
  }

  /** @throws HttpError HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_RATE_LIMITED; EventsError EVENTS_INVALID */
  async #check(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    refuseTokenInUrl(request)
    const { role } = request.routeOptions.config
    if (role !== undefined && role !== 'anyone') await this.#authenticate(request, reply, role)
    await this.#limit(this.#requests, request, 'too many requests')
  }

  /** @throws HttpError HTTP_FORBIDDEN; EventsError EVENTS_INVALID */
  #admitLocal(request: FastifyRequest): void {
    refuseTokenInUrl(request)
    requireLocal(request, this.#options.corsOrigins)
    setPrincipal(request, LOCAL)
  }

  async #authenticate(request: FastifyRequest, reply: FastifyReply, role: Role): Promise<void> {
    const principal = await this.#principal(request, reply, role)
    requireRole(principal, role)
    setPrincipal(request, principal)
  }

  async #principal(request: FastifyRequest, reply: FastifyReply, role: Role): Promise<Principal> {
    try {
      return this.#byTicket(request, reply) ?? (await this.#byHost(request, role)) ?? this.#byToken(request)
    } catch (error) {
      if (error instanceof HttpError && error.code === 'HTTP_UNAUTHORIZED')
        await this.#limit(this.#failures, request, 'too many attempts failed')
      throw error
    }
  }

  /** By what pages have that cannot send a header; undefined where that is of no use, or not there. */
  #byTicket(request: FastifyRequest, reply: FastifyReply): Principal | undefined {
    const { routeOptions, headers, query } = request
    if (routeOptions.config.ticket !== true || headers.authorization !== undefined) return undefined
    const ticket = parameterOf(query, 'ticket')
    const principal = ticket === undefined ? undefined : this.#tickets.redeem(ticket, Date.now())
    if (principal === undefined || principal instanceof HttpError) {
      // An EventSource that reconnects sends its used ticket once more, and the cookie.
      const known = this.#byCookie(request)
      if (known === undefined && principal !== undefined) throw principal
      return known
    }
    return this.#changeTicket(principal, request, reply)
  }

  #byCookie(request: FastifyRequest): Principal | undefined {
    const { tokens, corsOrigins } = this.#options
    const known = this.#cookies.read(request.headers.cookie, tokens?.(), Date.now())
    // A cookie is sent by whichever page has the browser ask.
    if (known !== undefined) requireOwnOrigin(request, corsOrigins)
    return known
  }

  /** Gives the cookie for the ticket, and answers whose both are. */
  #changeTicket(opener: Principal, { protocol }: FastifyRequest, reply: FastifyReply): Principal {
    const { tokens } = this.#options
    const entry = tokens === undefined ? undefined : requireCurrent(tokens(), opener)
    const holder = entry ?? { name: opener.name, hash: '' }
    reply.header('set-cookie', this.#cookies.issue(holder, protocol === 'https', Date.now()))
    return entry ?? opener
  }

  async #byHost(request: FastifyRequest, role: Role): Promise<Principal | undefined> {
    const { authorize } = this.#options
    if (authorize === undefined) return undefined
    const principal: unknown = await authorize(request, role)
    if (principal == null) throw unauthorized('this server does not know who sent this')
    assertPrincipal(principal)
    return principal
  }

  #byToken(request: FastifyRequest): Principal {
    const [, token] = /^Bearer +([^ ]+) *$/i.exec(request.headers.authorization ?? '') ?? []
    if (token === undefined) throw unauthorized('send a token as `Authorization: Bearer <token>`')
    const entry = findToken(this.#options.tokens?.() ?? [], token)
    if (entry === undefined) throw unauthorized('the token is not one that this server knows')
    return entry
  }

  async #limit(limiter: Limiter, request: FastifyRequest, what: string): Promise<void> {
    const verdict = await limiter(request)
    if (verdict.isAllowed || !verdict.isExceeded) return
    const seconds = String(verdict.ttlInSeconds)
    const headers = { 'retry-after': seconds }
    throw new HttpError('HTTP_RATE_LIMITED', `${what}; try again in ${seconds} s`, { headers })
  }
}

/**
 * Returns whose allowance a request uses. Routes that are open to anyone have one each per address: health checks come
 * from the same address as other clients wherever a proxy hides theirs.
 */
function allowanceOf(request: FastifyRequest): string {
  const principal = principalOf(request)
  return principal === undefined ? `${request.routeOptions.url} of ${request.ip}` : principal.name
}

/** URLs end up in the logs of proxies and in histories. */
function refuseTokenInUrl({ query }: FastifyRequest): void {
  for (const path of ['token', 'access_token']) {
    if (parameterOf(query, path) === undefined) continue
    const message =
      'must not be in a URL, which many programs keep: send it as `Authorization: Bearer <token>`'
    throw invalidRequest([{ path, message }])
  }
}

/** As the host's parser has it; '' for a value that is no text. */
function parameterOf(query: unknown, name: string): string | undefined {
  if (typeof query !== 'object' || query === null || !Object.hasOwn(query, name)) return undefined
  const value: unknown = Reflect.get(query, name)
  return value === undefined || typeof value === 'string' ? value : ''
}

function unauthorized(message: string): HttpError {
  const headers = { 'www-authenticate': 'Bearer realm="viewra-events"' }
  return new HttpError('HTTP_UNAUTHORIZED', message, { headers })
}
