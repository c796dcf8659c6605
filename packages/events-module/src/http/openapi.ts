import { STATUS_CODES } from 'node:http'
import fastifySwagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import { KindGuard } from '@sinclair/typebox'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import manifest from '../../package.json' with { type: 'json' }
import { ProblemSchema } from './problem.ts'

const INFO = {
  title: 'Viewra events',
  description:
    'Publish, read, follow and administer events. Lists and streams share their filters; ' +
    'every error is a problem as RFC 9457 has it, with a stable `code`.',
  version: manifest.version,
  license: { name: 'MIT', identifier: 'MIT' },
}

const TAGS = [
  { name: 'Reading', description: 'Stored events: pages, time ranges, one event.' },
  { name: 'Publishing', description: 'Answered once what was sent is stored.' },
  { name: 'Streaming', description: 'Events as they come, with what was missed before.' },
  { name: 'Managing', description: 'Removing events.' },
  { name: 'Types', description: 'Event types.' },
  { name: 'Subscriptions', description: 'Who gets events in process; durable subscriptions.' },
  { name: 'Dead letters', description: 'What handlers of durable subscriptions could not take.' },
  { name: 'Access', description: 'Who may do what.' },
  { name: 'Operations', description: 'Health and figures.' },
]

const SECURITY_SCHEMES = {
  token: { type: 'http', scheme: 'bearer', description: 'A token of the server’s configuration.' },
  ticket: {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description: 'For clients that cannot set headers: single use, of `POST /tickets`.',
  },
} as const

/** Keywords of ours that the checks of requests read; JSON Schema has no such. */
const OWN_KEYWORDS: ReadonlySet<string> = new Set(['rule', 'allowEmptyValue'])

const documentOptions = (prefix: string): FastifyDynamicSwaggerOptions => ({
  openapi: {
    openapi: '3.1.0',
    info: INFO,
    tags: TAGS,
    components: { securitySchemes: SECURITY_SCHEMES },
  },
  convertConstToEnum: false,
  transform: ({ schema, url, route }) => ({
    schema: describe(schema, url.slice(prefix.length), route),
    url: url.replace(/\/$/, ''),
  }),
  refResolver: {
    buildLocalReference: (json, _baseUri, _fragment, index) =>
      typeof json.$id === 'string' ? json.$id : `Schema${index}`,
  },
})

/** No script or style but the page's own; `'unsafe-inline'` is what Swagger UI sets on elements as it draws. */
const PAGE_CSP = {
  'default-src': "'none'",
  'base-uri': "'none'",
  'connect-src': "'self'",
  'font-src': "'self' data:",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
  'img-src': "'self' data:",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
}

/**
 * Has `scope.swagger()` make an OpenAPI 3.1 document of all routes that are added below the scope afterwards, and
 * serves it, for people to browse, at `/docs`. To be called before the routes are added.
 */
export async function documentRoutes(scope: FastifyInstance): Promise<void> {
  await scope.register(fastifySwagger, documentOptions(scope.prefix))
  await scope.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    // Without a slash at its end the page's references begin one level higher.
    indexPrefix: '.',
    transformSpecification: (document, { url }) => withServer(document, url),
    theme: { title: 'Viewra events: HTTP API' },
    staticCSP: PAGE_CSP,
    uiConfig: { docExpansion: 'list', deepLinking: true },
  })
}

/**
 * Returns the document with the server from which it was got, as seen from there: behind a proxy that takes a part of
 * the path away only a relative reference is right.
 * @param url by which the document was asked for
 */
export function withServer<T extends object>(document: T, url: string): T & { servers: unknown } {
  const [path = ''] = url.split('?', 1)
  const up = path.split('/').slice(2).fill('..').join('/')
  return { ...document, servers: [{ url: up, description: 'This server.' }] }
}

/** What a route's schema says, and what follows from its declarations: its errors, and who may call it. */
function describe(schema: FastifySchema, path: string, route: RouteOptions): FastifySchema {
  // OpenAPI has no words for what comes after an upgrade: AsyncAPI describes it.
  if (schema.hide === true || '101' in toRecord(schema.response)) return { ...schema, hide: true }
  const { body, response, querystring, ...rest } = schema
  const described = {
    ...rest,
    operationId: operationId(String(route.method), path),
    security: securityOf(route),
    querystring: withDefaultsOptional(querystring),
    response: { ...errorsOf(schema, route), ...toRecord(response) },
    ...(takesBody(body) && { body }),
  }
  return withoutOwnKeywords(described)
}

/** `getSubscriptions`, `postDeadLettersIdRetry`; of the prefix itself `getEvents`. */
function operationId(method: string, path: string): string {
  const words = path.match(/\w+/g) ?? ['events']
  return [method.toLowerCase(), ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join('')
}

function securityOf({ config }: RouteOptions): Record<string, string[]>[] {
  if (config?.role === 'anyone') return []
  return [{ token: [] }, ...(config?.ticket === true ? [{ ticket: [] }] : [])]
}

function takesBody(body: unknown): boolean {
  return body !== undefined && !(KindGuard.IsSchema(body) && body.rule === 'empty')
}

/**
 * Every route can refuse unknown parameters, be called too often, fail, and find the store away; and all but GET the
 * body, even where there should be none.
 */
function errorsOf({ params }: FastifySchema, { config, method }: RouteOptions): Record<string, unknown> {
  const isOpen = config?.role === 'anyone'
  const codes = [400, ...(isOpen ? [] : [401]), 403, ...(params === undefined ? [] : [404])]
  const bodyCodes = method === 'GET' ? [] : [413, 415]
  return Object.fromEntries([...codes, ...bodyCodes, 429, 500, 503].map((code) => [code, problem(code)]))
}

/** A response that is a problem. */
export function problem(status: number) {
  const description = STATUS_CODES[status] ?? 'Error'
  return { description, content: { 'application/problem+json': { schema: ProblemSchema } } }
}

function toRecord(response: unknown): Record<string, unknown> {
  return { ...(typeof response === 'object' ? response : undefined) }
}

/** A parameter that has a default is always there for the handler, and need not be sent. */
function withDefaultsOptional(querystring: unknown): unknown {
  if (!KindGuard.IsObject(querystring)) return querystring
  const { properties, required = [] } = querystring
  return { ...querystring, required: required.filter((name) => properties[name]?.default === undefined) }
}

/** A copy; of schemas, that is: whatever is no plain object or array is the same. */
function withoutOwnKeywords<T>(value: T): T
function withoutOwnKeywords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutOwnKeywords(item))
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name]) => !OWN_KEYWORDS.has(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, withoutOwnKeywords(item)]))
}
