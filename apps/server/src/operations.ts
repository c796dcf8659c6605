import type { EventBus } from '@viewra/events-core'
import { isLocal } from '@viewra/events-module'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Registry } from 'prom-client'
import type { TokensFile } from './tokens-file.ts'

interface OperationsOptions {
  readonly bus: EventBus
  readonly register: Registry
  /** With tokens, details and figures are for those who have one. */
  readonly tokens: TokensFile | undefined
}

/** What whoever runs the process asks it: is it alive, can it work, how is it doing. */
export async function operations(
  app: FastifyInstance,
  { bus, register, tokens }: OperationsOptions,
): Promise<void> {
  const mayRead = (request: FastifyRequest) => tokens?.knows(request) ?? isLocal(request)
  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (request, reply) => {
    const health = await bus.health()
    return reply
      .code(health.status === 'down' ? 503 : 200)
      .send(mayRead(request) ? health : { status: health.status })
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
