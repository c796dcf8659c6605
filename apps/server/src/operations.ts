import { type HealthReport, HttpError, isLocal } from '@viewra/events-module'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { Registry } from 'prom-client'
import { openMetrics } from './open-metrics.ts'
import type { TokensFile } from './tokens-file.ts'

interface OperationsOptions {
  readonly health: () => Promise<HealthReport>
  readonly register: Registry
  /** Path of the API. */
  readonly apiPath: string
  /** If there are tokens, details and metrics are only for clients that have one. */
  readonly tokens: TokensFile | undefined
}

const NOT_LOCAL = new HttpError(
  'HTTP_FORBIDDEN',
  'without tokens the figures are for programs of this machine only: set VIEWRA_EVENTS_TOKENS_FILE',
)
const NO_TOKEN = new HttpError('HTTP_UNAUTHORIZED', 'send a token as `Authorization: Bearer <token>`', {
  headers: { 'www-authenticate': 'Bearer realm="viewra-events"' },
})

/** Serves what the operators of the process need: whether it is alive, whether it can work, and its metrics. */
export async function operations(
  app: FastifyInstance,
  { health, register, apiPath, tokens }: OperationsOptions,
): Promise<void> {
  const mayRead = (request: FastifyRequest) => tokens?.knows(request) ?? isLocal(request)
  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (request, reply) => {
    const { status, checks } = await health()
    return reply.code(status === 'down' ? 503 : 200).send(mayRead(request) ? { status, checks } : { status })
  })

  // Where people and tools look for them first; relative, since a proxy may serve all of this below another path.
  for (const path of ['/docs', '/openapi.json', '/asyncapi.json']) {
    app.get(path, async (_request, reply) => reply.redirect(`${apiPath.slice(1)}${path}`))
  }

  app.get('/metrics', async (request, reply) => {
    if (!mayRead(request)) throw tokens === undefined ? NOT_LOCAL : NO_TOKEN
    const text = await register.metrics()
    reply.header('vary', 'Accept')
    return prefersOpenMetrics(request)
      ? reply.type(Registry.OPENMETRICS_CONTENT_TYPE).send(openMetrics(text))
      : reply.type(register.contentType).send(text)
  })
}

const TEXT = 'text/plain'
const OPEN_METRICS = 'application/openmetrics-text'

/** Returns whether the client prefers OpenMetrics to the text format; a client that accepts anything gets the latter. */
function prefersOpenMetrics({ headers }: FastifyRequest): boolean {
  // Scrapers name versions and more, of which there is one here.
  const accept = (headers.accept ?? '*/*').replaceAll(/;\s*(?!q\s*=)[^;,]+/gi, '')
  return new Negotiator({ headers: { accept } }).mediaType([TEXT, OPEN_METRICS]) === OPEN_METRICS
}
