import rateLimit from '@fastify/rate-limit'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type EventBus, EventsError } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Feature } from './feature.ts'
import { deadLettersRoutes } from './features/dead-letters.ts'
import { healthRoutes } from './features/health.ts'
import { manageRoutes } from './features/manage.ts'
import { openapiRoutes } from './features/openapi.ts'
import { publishRoutes } from './features/publish.ts'
import { queryRoutes } from './features/query.ts'
import { socketRoutes } from './features/socket/routes.ts'
import { statsRoutes } from './features/stats.ts'
import { streamRoutes } from './features/stream/routes.ts'
import { subscriptionsRoutes } from './features/subscriptions.ts'
import { ticketsRoutes } from './features/tickets.ts'
import { typesRoutes } from './features/types.ts'
import { Access } from './http/access/access.ts'
import { keepPrincipals } from './http/access/principal.ts'
import { Tickets } from './http/access/tickets.ts'
import { recordAudits } from './http/audit.ts'
import { allowOrigins } from './http/cors.ts'
import { handleError } from './http/error-handler.ts'
import { documentRoutes } from './http/openapi/document.ts'
import { acceptBodies } from './http/request/body.ts'
import { validatorCompiler } from './http/request/validation.ts'
import { shareRouteRules } from './http/routes.ts'
import { addSecurityHeaders } from './http/security-headers.ts'
import { type EventsModuleOptions, type ModuleOptions, moduleOptions } from './options.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The bus that `eventsModule` was registered with. */
    events: EventBus
  }
}

const FEATURES: readonly Feature[] = [
  queryRoutes,
  publishRoutes,
  manageRoutes,
  streamRoutes,
  socketRoutes,
  typesRoutes,
  subscriptionsRoutes,
  deadLettersRoutes,
  statsRoutes,
  healthRoutes,
  openapiRoutes,
]

/**
 * Serves a bus's events over HTTP and decorates the app with the bus as `app.events`.
 *
 * @throws EventsError when registering: EVENTS_INVALID for wrong options or a second registration,
 *   EVENTS_NOT_RUNNING for a bus that has not been started
 * @example
 * const bus = createEventBus()
 * await bus.start()
 * await app.register(eventsModule, { bus })
 */
export const eventsModule = fp<EventsModuleOptions>(registerModule, {
  name: '@viewra/events-module',
  fastify: '5.x',
})

async function registerModule(app: FastifyInstance, given: EventsModuleOptions): Promise<void> {
  const options = moduleOptions(given)
  refuseSecond(app, options.prefix)
  app.decorate('events', options.bus)
  await app.register(
    async (scope) => {
      await addBrowserRules(scope, options)
      await documentRoutes(scope, options)
      await scope.register(async (api) => addRoutes(api, options))
    },
    { prefix: options.prefix },
  )
}

function refuseSecond(app: FastifyInstance, prefix: string): void {
  if (app.hasDecorator('events')) {
    throw new EventsError(
      'EVENTS_INVALID',
      'eventsModule: this app has `app.events` already; register the module once, or in a scope of its own for each bus',
    )
  }
  const url = `${app.prefix}${prefix}`
  if (app.hasRoute({ method: 'GET', url })) {
    throw new EventsError(
      'EVENTS_INVALID',
      `eventsModule: ${url} is served already; give this one another prefix`,
    )
  }
}

/** All that is set here ends at the prefix: the app's own error handling, parsers and validators stay as they are. */
async function addRoutes(scope: FastifyInstance, options: ModuleOptions): Promise<void> {
  acceptBodies(scope, options.bodyLimit)
  scope.setErrorHandler(handleError)
  scope.setValidatorCompiler(validatorCompiler)
  // Schemas describe what is sent; they must not write it, because a compiled serializer drops and bends fields.
  scope.setSerializerCompiler(() => JSON.stringify)
  scope.setReplySerializer((payload) => JSON.stringify(payload))
  const typed = scope.withTypeProvider<TypeBoxTypeProvider>()
  await scope.register(rateLimit, { global: false })
  const tickets = new Tickets()
  keepPrincipals(scope)
  new Access(typed, options, tickets).guard(typed)
  shareRouteRules(typed)
  recordAudits(typed, options.bus)
  ticketsRoutes(tickets)(typed)
  for (const addFeature of FEATURES) addFeature(typed, options)
}

/** Tells browsers what they may do with answers, and pages of which other origins may read them. */
async function addBrowserRules(scope: FastifyInstance, { corsOrigins }: ModuleOptions): Promise<void> {
  addSecurityHeaders(scope)
  if (corsOrigins.length > 0) await allowOrigins(scope, corsOrigins)
}
