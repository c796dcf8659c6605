import type { EventBus } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'

/** What whoever runs the process asks it: is it alive, can it work, how is it doing. */
export async function operations(
  app: FastifyInstance,
  { bus, register }: { readonly bus: EventBus; readonly register: Registry },
): Promise<void> {
  app.get('/healthz', async () => ({ status: 'ok' }))

  app.get('/readyz', async (_request, reply) => {
    const health = await bus.health()
    return reply.code(health.status === 'down' ? 503 : 200).send(health)
  })

  // Where people and tools look for them first.
  for (const path of ['/docs', '/openapi.json']) {
    app.get(path, async (_request, reply) => reply.redirect(`/api/v1/events${path}`))
  }

  app.get('/metrics', async (_request, reply) => {
    return reply.type(register.contentType).send(await register.metrics())
  })
}
