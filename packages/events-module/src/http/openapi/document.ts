import fastifySwagger from '@fastify/swagger'
import { EventsError } from '@viewra/events-core'
import type { FastifyInstance, RouteOptions } from 'fastify'
import manifest from '../../../package.json' with { type: 'json' }
import type { FeatureTag } from '../../feature.ts'
import { Components, type Json } from './components.ts'
import {
  type AccessOptions,
  type Authentication,
  authenticationOf,
  errorStatuses,
  operationOf,
  problemResponses,
  securityBy,
} from './operation.ts'

const INFO = {
  title: 'Viewra events',
  description:
    'Publish, read, follow and administer events. Lists and streams share their filters; ' +
    'every error is a problem as RFC 9457 has it, with a stable `code`.',
  version: manifest.version,
  contact: { name: 'Viewra' },
  license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
}

const TICKET = {
  type: 'apiKey',
  in: 'query',
  name: 'ticket',
  description: 'For clients that cannot set headers: single use, of `POST /tickets`.',
}
const SECURITY_SCHEMES = {
  token: {
    token: { type: 'http', scheme: 'bearer', description: 'A token of the server’s configuration.' },
    ticket: TICKET,
  },
  host: {
    token: {
      type: 'http',
      scheme: 'bearer',
      description: 'A token that the app knows which serves this API.',
    },
    ticket: TICKET,
  },
  none: {},
} as const satisfies Record<Authentication, Json>

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
 * serves it, for people to browse, at `/docs`, if `docs` says so. To be called before the routes are added.
 * @param tags of the routes, in the order in which they are shown
 */
export async function documentRoutes(
  scope: FastifyInstance,
  options: AccessOptions & { readonly docs: boolean },
  tags: readonly FeatureTag[],
): Promise<void> {
  const document = new ApiDocument(scope.prefix, authenticationOf(options), tags)
  await scope.register(fastifySwagger, {
    openapi: {},
    // The plugin collects the routes, and no more: it knows neither `deepObject` nor schemas that share a name.
    transform: ({ url, route }) => {
      document.add(route)
      return { schema: { hide: true }, url }
    },
    transformObject: () => document.toJSON(),
  })
  if (!options.docs) return
  await scope.register(await loadSwaggerUi(), {
    routePrefix: '/docs',
    // Without a slash at its end the page's references begin one level higher.
    indexPrefix: '.',
    theme: { title: 'Viewra events: HTTP API' },
    staticCSP: PAGE_CSP,
    uiConfig: { docExpansion: 'list', deepLinking: true },
    transformSpecification: (copy, { url }) => withServer(copy, url.slice(scope.prefix.length)),
    transformSpecificationClone: false,
  })
}

/**
 * Returns the document with the server from which it was got, as seen from there: behind a proxy that takes a part of
 * the path away only a relative reference is right.
 * @param url below the prefix, by which the document was asked for
 */
export function withServer<T extends object>(document: T, url: string): T & { servers: unknown } {
  const [path = ''] = url.split('?', 1)
  const up = path.split('/').slice(2).fill('..').join('/')
  return { ...document, servers: [{ url: up || '.', description: 'This server.' }] }
}

/** Loads the optional package in a `try`, from which bundlers conclude that they may omit it if it is not installed. */
async function loadSwaggerUi() {
  try {
    return (await import('@fastify/swagger-ui')).default
  } catch (cause) {
    throw new EventsError(
      'EVENTS_INVALID',
      'eventsModule: /docs needs the package @fastify/swagger-ui, which cannot be loaded: install it, or set the option docs to false',
      { cause },
    )
  }
}

/** The OpenAPI document of the routes that it is told of. */
class ApiDocument {
  readonly #prefix: string
  readonly #authentication: Authentication
  readonly #tags: readonly FeatureTag[]
  readonly #components = new Components()
  readonly #statuses = new Set<number>()
  readonly #paths: Record<string, Json> = {}

  constructor(prefix: string, authentication: Authentication, tags: readonly FeatureTag[]) {
    this.#prefix = prefix
    this.#authentication = authentication
    this.#tags = tags
  }

  add(route: RouteOptions): void {
    const { schema, method, url } = route
    // OpenAPI has no words for what comes after an upgrade: AsyncAPI describes it.
    if (schema?.hide === true || isUpgrade(schema?.response)) return
    const path =
      url
        .slice(this.#prefix.length)
        .replace(/\/$/, '')
        .replaceAll(/:(\w+)/g, '{$1}') || '/'
    const operation = operationOf(route, this.#components, this.#authentication)
    this.#paths[path] = { ...this.#paths[path], [String(method).toLowerCase()]: operation }
    for (const status of errorStatuses(route, this.#authentication)) this.#statuses.add(status)
  }

  toJSON(): Json {
    const statuses = [...this.#statuses].sort((a, b) => a - b)
    const responses = problemResponses(statuses, this.#components)
    return {
      openapi: '3.1.0',
      info: INFO,
      security: securityBy(this.#authentication),
      tags: this.#tags,
      paths: this.#paths,
      components: {
        securitySchemes: SECURITY_SCHEMES[this.#authentication],
        responses,
        schemas: this.#components.schemas,
      },
    }
  }
}

function isUpgrade(response: unknown): boolean {
  return typeof response === 'object' && response !== null && '101' in response
}
