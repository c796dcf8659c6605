import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance } from 'fastify'

/** Lets pages of the origins use the scope's routes; to be called before those are added. */
export async function allowOrigins(scope: FastifyInstance, origins: readonly string[]): Promise<void> {
  const rules = {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: ['link', 'next-cursor', 'retry-after'],
    credentials: true,
    // Programs send OPTIONS too, without an origin.
    strictPreflight: false,
  } satisfies FastifyCorsOptions
  // A host app that has the plugin itself, before or after, runs its hook here too: this counts before its own rules.
  scope.addHook('onRoute', (route) => {
    const config = { ...route.config, cors: rules }
    route.config = config
  })
  if (!scope.hasRequestDecorator('corsPreflightEnabled')) await scope.register(cors, rules)
  // It cannot be registered twice, but its hook answers whatever is asked with OPTIONS below the prefix.
  else scope.options('*', { schema: { hide: true } }, async (_request, reply) => reply.code(204).send())
}
