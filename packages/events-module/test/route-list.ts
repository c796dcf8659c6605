import { createEventBus } from '@viewra/events-core'
import Fastify from 'fastify'
import { eventsModule } from '../src/index.ts'

export interface ListedRoute {
  readonly method: string
  /** As an OpenAPI document has it: `/api/v1/events/{id}`. */
  readonly url: string
  /** Below the prefix, as Fastify has it: `/:id`. */
  readonly path: string
  readonly role: string
  readonly summary: string
}

/** The module's own routes, as the app sees them; without their second forms and those of the page for people. */
export async function listRoutes(): Promise<readonly ListedRoute[]> {
  const routes: ListedRoute[] = []
  const bus = createEventBus()
  await bus.start()
  const app = Fastify()
  app.addHook('onRoute', ({ method, url, prefix, schema, config }) => {
    if (method === 'HEAD' || schema?.hide === true || url.includes('/docs')) return
    routes.push({
      method: String(method),
      url: url.replaceAll(/:(\w+)/g, '{$1}'),
      path: url.slice(prefix.length) || '/',
      role: String(config?.role),
      summary: schema?.summary ?? '',
    })
  })
  await app.register(eventsModule, { bus })
  await app.ready()
  await app.close()
  await bus.stop()
  return routes
}
