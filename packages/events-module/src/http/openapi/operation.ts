import { STATUS_CODES } from 'node:http'
import { KindGuard, type TSchema } from '@sinclair/typebox'
import type { FastifySchema, RouteOptions } from 'fastify'
import type { ModuleOptions } from '../../options.ts'
import { ProblemSchema } from '../problem.ts'
import type { Components, Json } from './components.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Request headers that the route reads by itself, for its description. */
    headers?: Readonly<Record<string, TSchema>>
    /** Statuses of errors that only this route has, for its description. */
    errors?: readonly number[]
  }
}

/**
 * How a request says who sends it: by a token; as the host app wants it, which may be a token; or not at all, where only
 * programs of this machine are served.
 */
export type Authentication = 'token' | 'host' | 'none'

export type AccessOptions = Pick<ModuleOptions, 'tokens' | 'authorize'>

export function authenticationOf({ tokens, authorize }: AccessOptions): Authentication {
  if (authorize !== undefined) return 'host'
  return tokens === undefined ? 'none' : 'token'
}

/** A response as a route may declare it, where a schema of JSON alone does not say enough. */
export interface ResponseDescription {
  readonly description: string
  readonly headers?: Readonly<Record<string, TSchema>>
  readonly content: Readonly<Record<string, { readonly schema: TSchema }>>
}

const RETRY_AFTER = {
  description: 'Seconds after which the same request may be sent again.',
  schema: { type: 'integer' },
}
const PROBLEM_HEADERS: ReadonlyMap<number, Json> = new Map([
  [401, { 'WWW-Authenticate': { description: 'How to send a token.', schema: { type: 'string' } } }],
  [429, { 'Retry-After': RETRY_AFTER }],
  [503, { 'Retry-After': RETRY_AFTER }],
])

/** Makes an operation of what a route declares, and of what follows from that: its errors, and who may call it. */
export function operationOf(
  route: RouteOptions,
  components: Components,
  authentication: Authentication,
): Json {
  const { schema = {}, config } = route
  const { operationId, summary, description, tags, params, querystring } = schema
  const parameters = [
    ...parametersOf('path', params, components),
    ...parametersOf('query', querystring, components),
    ...Object.entries(config?.headers ?? {}).map(([name, one]) =>
      parameter('header', name, one, false, components),
    ),
  ].filter(({ name }) => !isCredential(String(name), authentication))
  return {
    operationId,
    summary,
    description,
    tags,
    ...securityOf(route, authentication),
    ...(parameters.length > 0 && { parameters }),
    ...requestBodyOf(route, components),
    responses: responsesOf(route, components, authentication),
  }
}

/** The responses that operations share: an error of each status. */
export function problemResponses(statuses: Iterable<number>, components: Components): Json {
  const schema = components.describe(ProblemSchema)
  const responses = [...statuses].map((status) => {
    const headers = PROBLEM_HEADERS.get(status)
    const content = { 'application/problem+json': { schema } }
    const description = STATUS_CODES[status] ?? 'Error'
    return [componentName(status), { description, ...(headers && { headers }), content }]
  })
  return Object.fromEntries(responses)
}

/** Statuses that a route may be answered with beyond those of its declared responses. */
export function errorStatuses({ schema, config, method }: RouteOptions, by: Authentication): number[] {
  const asksWho = config?.role !== 'anyone' && by !== 'none'
  return [
    400,
    ...(asksWho ? [401] : []),
    403,
    ...(schema?.params === undefined ? [] : [404]),
    ...(config?.errors ?? []),
    // A body may be wrong even where there should be none.
    ...(method === 'GET' ? [] : [413, 415]),
    429,
    500,
    503,
  ]
}

/** Returns whether a parameter identifies the sender; OpenAPI describes those as security. */
function isCredential(name: string, authentication: Authentication): boolean {
  return name === 'ticket' && authentication !== 'none'
}

/** An operation differs from the document's own `security` where anybody may call it, or a ticket is enough. */
function securityOf({ config }: RouteOptions, authentication: Authentication): Json {
  if (authentication === 'none') return {}
  if (config?.role === 'anyone') return { security: [] }
  return config?.ticket === true ? { security: [...securityBy(authentication), { ticket: [] }] } : {}
}

export function securityBy(authentication: Authentication): Json[] {
  if (authentication === 'none') return []
  // The host app may know whom it serves by other means, such as a session's cookie.
  return [{ token: [] }, ...(authentication === 'host' ? [{}] : [])]
}

function parametersOf(place: 'path' | 'query', schema: unknown, components: Components): Json[] {
  if (!KindGuard.IsObject(schema)) return []
  const { properties, required = [] } = schema
  return Object.entries(properties).map(([name, one]) => {
    // One with a default is always there for the handler, and need not be sent.
    const isRequired = required.includes(name) && one.default === undefined
    return parameter(place, name, one, isRequired, components)
  })
}

function parameter(
  place: 'path' | 'query' | 'header',
  name: string,
  { description, ...schema }: TSchema,
  required: boolean,
  components: Components,
): Json {
  const style = KindGuard.IsObject(schema) ? { style: 'deepObject', explode: true } : {}
  return {
    name,
    in: place,
    ...(required && { required }),
    description,
    ...style,
    schema: components.describe(schema),
  }
}

function requestBodyOf({ schema, config }: RouteOptions, components: Components): Json {
  const body = schema?.body
  if (!KindGuard.IsSchema(body) || body.rule === 'empty') return {}
  const bodies = { 'application/json': body, ...config?.bodies }
  const content = Object.entries(bodies).map(([type, one]) => [type, { schema: components.describe(one) }])
  return { requestBody: { required: true, content: Object.fromEntries(content) } }
}

function responsesOf(route: RouteOptions, components: Components, authentication: Authentication): Json {
  const problems = errorStatuses(route, authentication).map((status) => [
    String(status),
    { $ref: `#/components/responses/${componentName(status)}` },
  ])
  const declared = Object.entries(responsesIn(route.schema)).map(([status, one]) => [
    status,
    response(Number(status), one, components),
  ])
  return Object.fromEntries([...problems, ...declared])
}

function response(status: number, declared: unknown, components: Components): Json {
  if (isResponseDescription(declared)) {
    const { description, headers, content } = declared
    return {
      description,
      ...(headers && { headers: headersOf(headers, components) }),
      content: contentOf(content, components),
    }
  }
  if (!KindGuard.IsSchema(declared))
    throw new TypeError(`the response ${status} has neither a schema nor content`)
  return {
    description: declared.description ?? STATUS_CODES[status],
    content: contentOf({ 'application/json': { schema: declared } }, components),
  }
}

function headersOf(headers: Readonly<Record<string, TSchema>>, components: Components): Json {
  const described = Object.entries(headers).map(([name, { description, ...schema }]) => [
    name,
    { description, schema: components.describe(schema) },
  ])
  return Object.fromEntries(described)
}

function contentOf(content: ResponseDescription['content'], components: Components): Json {
  const described = Object.entries(content).map(([type, { schema }]) => [
    type,
    { schema: components.describe(schema) },
  ])
  return Object.fromEntries(described)
}

function isResponseDescription(value: unknown): value is ResponseDescription {
  return typeof value === 'object' && value !== null && 'content' in value
}

function responsesIn(schema: FastifySchema | undefined): object {
  return { ...(typeof schema?.response === 'object' ? schema.response : undefined) }
}

/** `BadRequest` of 400. */
function componentName(status: number): string {
  return (STATUS_CODES[status] ?? `Status${status}`).replaceAll(/\W/g, '')
}
