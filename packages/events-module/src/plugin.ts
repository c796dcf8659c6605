import rateLimit from '@fastify/rate-limit'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type EventBus, EventsError } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Feature } from './feature.ts'
import { deadLettersFeature } from './features/dead-letters.ts'
import { healthFeature } from './features/health.ts'
import { jobsFeature } from './features/jobs.ts'
import { manageFeature } from './features/manage.ts'
import { openapiFeature } from './features/openapi.ts'
import { publishFeature } from './features/publish.ts'
import { queryFeature } from './features/query.ts'
import { socketFeature } from './features/socket/routes.ts'
import { statsFeature } from './features/stats.ts'
import { streamFeature } from './features/stream/routes.ts'
import { subscriptionsFeature } from './features/subscriptions.ts'
import { ticketsFeature } from './features/tickets.ts'
import { typesFeature } from './features/types.ts'
import { Access } from './http/access/access.ts'
import { keepPrincipals } from './http/access/principal.ts'
import { Tickets } from './http/access/tickets.ts'
import { recordAudits } from './http/audit.ts'
import { allowOrigins } from './http/cors.ts'
import { handleError } from './http/error-handler.ts'
import { documentRoutes } from './http/openapi/document.ts'
import { collectPathWords } from './http/path-words.ts'
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

/** Returns the features in the order in which the API's description shows them. */
const featuresOf = (tickets: Tickets): readonly Feature[] => [
  queryFeature,
  publishFeature,
  streamFeature,
  socketFeature,
  manageFeature,
  typesFeature,
  subscriptionsFeature,
  deadLettersFeature,
  jobsFeature,
  ticketsFeature(tickets),
  statsFeature,
  healthFeature,
  openapiFeature,
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
  const tickets = new Tickets()
  const features = featuresOf(tickets)
  // Those of one tag share the object.
  const tags = [...new Set(features.map(({ tag }) => tag))]
  await app.register(
    async (scope) => {
      await addBrowserRules(scope, options)
      await documentRoutes(scope, options, tags)
      await scope.register(async (api) => addRoutes(api, options, features, tickets))
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

/**
 * Adds the routes. Everything that is set here ends at the prefix: the app's own error handling, parsers and validators stay
 * as they are.
 */
async function addRoutes(
  scope: FastifyInstance,
  options: ModuleOptions,
  features: readonly Feature[],
  tickets: Tickets,
): Promise<void> {
  acceptBodies(scope, options.bodyLimit)
  scope.setErrorHandler(handleError)
  scope.setValidatorCompiler(validatorCompiler)
  // Schemas describe what is sent; they must not write it, because a compiled serializer drops and bends fields.
  scope.setSerializerCompiler(() => JSON.stringify)
  scope.setReplySerializer((payload) => JSON.stringify(payload))
  const typed = scope.withTypeProvider<TypeBoxTypeProvider>()
  await scope.register(rateLimit, { global: false })
  keepPrincipals(scope)
  new Access(typed, options, tickets).guard(typed)
  shareRouteRules(typed)
  collectPathWords(typed)
  recordAudits(typed, options.bus)
  for (const feature of features) await typed.register(async (own) => addFeature(own, feature, options))
}

/** Adds a feature in its own scope, all of whose routes have the feature's tag. */
function addFeature(scope: FastifyInstance, { tag, addRoutes }: Feature, options: ModuleOptions): void {
  scope.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, tags: [tag.name] }
  })
  addRoutes(scope.withTypeProvider<TypeBoxTypeProvider>(), options)
}

/** Tells browsers what they may do with answers, and pages of which other origins may read them. */
async function addBrowserRules(scope: FastifyInstance, { corsOrigins }: ModuleOptions): Promise<void> {
  addSecurityHeaders(scope)
  if (corsOrigins.length > 0) await allowOrigins(scope, corsOrigins)
}
