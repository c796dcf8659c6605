import { type HealthReport, isLocal } from '@viewra/events-module'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import type { TokensFile } from './tokens-file.ts'

interface OperationsOptions {
  readonly health: () => Promise<HealthReport>
  readonly register: Registry
  /** With tokens, details and figures are for those who have one. */
  readonly tokens: TokensFile | undefined
}

/** What whoever runs the process asks it: is it alive, can it work, how is it doing. */
export async function operations(
  app: FastifyInstance,
  { health, register, tokens }: OperationsOptions,
): Promise<void> {
  const mayRead = (request: FastifyRequest) => tokens?.knows(request) ?? isLocal(request)
  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (request, reply) => {
    const { status, checks } = await health()
    return reply.code(status === 'down' ? 503 : 200).send(mayRead(request) ? { status, checks } : { status })
  })

  // Where people and tools look for them first.
  for (const path of ['/docs', '/openapi.json']) {
    app.get(path, async (_request, reply) => reply.redirect(`/api/v1/events${path}`))
  }

  app.get('/metrics', async (request, reply) => {
    if (!mayRead(request)) {
      if (tokens === undefined) return reply.code(403).send({ error: 'Forbidden' })
      return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'Unauthorized' })
    }
    return reply.type(register.contentType).send(await register.metrics())
  })
}
