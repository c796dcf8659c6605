import { Type } from '@sinclair/typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { EventsScope } from '../feature.ts'
import { normalPath, pathMatcher, withoutSlash } from './path-matcher.ts'
import { HttpError } from './problem.ts'
import { refuseBadEscapes } from './request/query-string.ts'
import './access/role.ts'

const NO_PARAMETERS = Type.Object({}, { additionalProperties: false })

/**
 * What every route of the module shares: it answers with and without trailing slash, takes no query parameters
 * unless it names some, and its path answers 405 with `Allow` to methods that it has not. To be called before the
 * routes are added.
 */
export function shareRouteRules(scope: EventsScope): void {
  const methods = new PathMethods(scope.initialConfig)
  const hostIgnoresSlash = ignoresTrailingSlash(scope)
  scope.addHook('onRoute', function (route) {
    requireDeclarations(route)
    route.schema = { querystring: NO_PARAMETERS, ...route.schema }
    if (route.routePath.includes('*')) return
    methods.add(route.url, [route.method].flat())
    // Where the route was added: hooks of that place alone have a say in the second form too.
    if (!hostIgnoresSlash) addWithSlash(this, route)
    if (route.routePath === '/:id' && route.method !== 'HEAD') addForLongIds(scope, route)
  })
  scope.addHook('onRequest', (request, reply, done) => {
    if (methods.allow(request)) done()
    else refuseMethod(methods, request, reply)
  })
  scope.addHook('preValidation', ({ url }, _reply, done) => {
    refuseBadEscapes(url)
    done()
  })
  scope.setNotFoundHandler((request) => {
    throw new HttpError('HTTP_NOT_FOUND', `there is nothing at ${pathOf(request.url)}`)
  })
}

/** @throws TypeError for a route that does not say whom it is for and what it does: it would be open to anybody. */
function requireDeclarations({ method, url, config, schema }: RouteOptions): void {
  if (config?.role === undefined) throw new TypeError(`${method} ${url} needs a role in its config`)
  if (config.role === 'admin' && config.audit === undefined)
    throw new TypeError(`${method} ${url} needs an audit in its config`)
  for (const name of ['operationId', 'summary', 'description'] as const) {
    if (schema?.[name] === undefined) throw new TypeError(`${method} ${url} needs ${name} in its schema`)
  }
}

/**
 * An id has up to 128 characters, but the host's router may take only 100 for a variable, Fastify's default. It has no
 * such limit for a wildcard, which is tried when the variable did not fit.
 */
function addForLongIds(scope: EventsScope, route: RouteOptions): void {
  const preValidation = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { '*': rest, ...others } = request.params as Readonly<Record<string, string>> // Of a path: all text.
    // A slash that is part of an id is escaped.
    const id = decodeURIComponent(withoutSlash(pathOf(request.url)).split('/').at(-1) ?? '')
    if (rest !== id && rest !== `${id}/`) return reply.callNotFound()
    request.params = { ...others, id }
    return undefined
  }
  const schema = { ...route.schema, hide: true }
  scope.route({ ...route, method: [route.method].flat(), schema, url: '/*', preValidation })
}

function ignoresTrailingSlash(scope: EventsScope): boolean {
  const { ignoreTrailingSlash, routerOptions } = scope.initialConfig
  return ignoreTrailingSlash === true || routerOptions?.ignoreTrailingSlash === true
}

function addWithSlash(scope: FastifyInstance, route: RouteOptions & { routePath: string }): void {
  // The path '' is the prefix itself, which Fastify adds in both forms.
  if (route.routePath === '' || route.routePath.endsWith('/')) return
  const method = [route.method].flat()
  const schema = { ...route.schema, hide: true }
  // The HEAD route that comes with a GET route has been added with that one's second form already.
  if (method.every((name) => scope.hasRoute({ method: name, url: `${route.url}/` }))) return
  scope.route({ ...route, method, schema, url: `${route.routePath}/` })
}

function refuseMethod(methods: PathMethods, request: FastifyRequest, reply: FastifyReply): void {
  const path = pathOf(request.url)
  const allow = [...(methods.of(path) ?? [])].sort().join(', ')
  if (request.method === 'OPTIONS') return void reply.code(204).header('allow', allow).send()
  throw new HttpError('HTTP_METHOD_NOT_ALLOWED', `${path} takes ${allow}, not ${request.method}`, {
    headers: { allow },
  })
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}

interface VariablePath {
  readonly url: string
  readonly variables: number
  readonly matches: (path: string) => boolean
  readonly methods: Set<string>
}

/** The methods of each path that has any. Of several patterns that fit a path the one with the fewest variables counts. */
class PathMethods {
  readonly #config: FastifyInstance['initialConfig']
  readonly #fixed = new Map<string, Set<string>>()
  readonly #variable: VariablePath[] = []

  constructor(config: FastifyInstance['initialConfig']) {
    this.#config = config
  }

  add(url: string, methods: readonly string[]): void {
    const known = this.#methodsOf(withoutSlash(url))
    for (const method of methods) known.add(method)
  }

  /** Returns whether the path accepts the request's method, or is none of these. */
  allow({ url, method }: FastifyRequest): boolean {
    return this.of(pathOf(url))?.has(method) ?? true
  }

  of(path: string): ReadonlySet<string> | undefined {
    return (
      this.#fixed.get(path) ??
      this.#fixed.get(normalPath(path, this.#config)) ??
      this.#variable.find(({ matches }) => matches(path))?.methods
    )
  }

  #methodsOf(url: string): Set<string> {
    const variables = url.split(':').length - 1
    const path = normalPath(url, this.#config)
    const known =
      variables === 0 ? this.#fixed.get(path) : this.#variable.find((one) => one.url === url)?.methods
    if (known !== undefined) return known
    const methods = new Set<string>()
    if (variables === 0) this.#fixed.set(path, methods)
    else this.#variable.push({ url, variables, matches: pathMatcher(url, this.#config), methods })
    this.#variable.sort((a, b) => a.variables - b.variables)
    return methods
  }
}
