import { createEventBus, type EventBus, type EventBusOptions } from '@viewra/events-core'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import { expect, onTestFinished } from 'vitest'
import { type EventsModuleOptions, eventsModule } from '../src/index.ts'
import { ApiDescription } from './api-description.ts'

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
  const answers = new AnswerCheck(app, options.module?.prefix)
  app.register(eventsModule, { bus, ...options.module })
  await app.ready()
  await answers.begin()
  onTestFinished(async () => {
    await app.close()
    await bus.stop()
    expect(answers.problems, 'answers that are not as the OpenAPI document says').toEqual([])
  })
  return { app, bus }
}

/** Answers of the router and of the connection, which are not an operation's own. */
const NOT_OF_OPERATIONS: ReadonlySet<number> = new Set([405, 499])

/** Holds every answer of the module's routes against the OpenAPI document. */
class AnswerCheck {
  readonly problems: string[] = []
  readonly #app: FastifyInstance
  readonly #prefix: string
  #description: ApiDescription | undefined

  /** To be made before the module is registered. */
  constructor(app: FastifyInstance, prefix = '/api/v1/events') {
    this.#app = app
    this.#prefix = prefix
    app.addHook('onSend', async (request, reply, payload) => this.#check(request, reply, payload))
  }

  /** A host that breaks every answer, as some tests have it, has no document either. */
  async begin(): Promise<void> {
    const answer = await this.#app.inject(`${this.#prefix}/openapi.json`)
    if (answer.statusCode === 200) this.#description = new ApiDescription(answer.json(), this.#prefix)
  }

  #check({ routeOptions, method }: FastifyRequest, reply: FastifyReply, payload: unknown): void {
    const { url: pattern = '' } = routeOptions
    const isOwn = pattern.startsWith(this.#prefix) && !/\/docs|\/openapi\.json|\/ws|\*/.test(pattern)
    if (!isOwn || method === 'HEAD' || typeof payload !== 'string') return
    if (this.#description === undefined || NOT_OF_OPERATIONS.has(reply.statusCode)) return
    const type = String(reply.getHeader('content-type'))
    this.problems.push(...this.#description.problemsOf(method, pattern, reply.statusCode, type, payload))
  }
}

/** The same, listening; answers where. */
export async function listeningApp(
  options: EventsAppOptions = {},
): Promise<EventsApp & { readonly url: string }> {
  const { app, bus } = await eventsApp(options)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, bus, url: `${address}/api/v1/events` }
}
