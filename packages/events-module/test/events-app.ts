import { createEventBus, type EventBus, type EventBusOptions } from '@viewra/events-core'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { onTestFinished } from 'vitest'
import { type EventsModuleOptions, eventsModule } from '../src/index.ts'

interface EventsAppOptions {
  readonly bus?: EventBusOptions
  readonly module?: Omit<EventsModuleOptions, 'bus'>
  readonly fastify?: FastifyServerOptions
  /** Done to the app before the module is registered, as a host app would. */
  readonly host?: (app: FastifyInstance) => void
}

interface EventsApp {
  readonly app: FastifyInstance
  readonly bus: EventBus
}

/** An app with the module on a started bus in memory; both end with the test. */
export async function eventsApp(options: EventsAppOptions = {}): Promise<EventsApp> {
  const bus = createEventBus(options.bus)
  await bus.start()
  const app = Fastify(options.fastify)
  options.host?.(app)
  app.register(eventsModule, { bus, ...options.module })
  await app.ready()
  onTestFinished(async () => {
    await app.close()
    await bus.stop()
  })
  return { app, bus }
}

/** The same, listening; answers where. */
export async function listeningApp(
  options: EventsAppOptions = {},
): Promise<EventsApp & { readonly url: string }> {
  const { app, bus } = await eventsApp(options)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, bus, url: `${address}/api/v1/events` }
}
