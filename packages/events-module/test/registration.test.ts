import { createEventBus, EventsError } from '@viewra/events-core'
import Fastify, { type FastifyInstance } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventsModule } from '../src/index.ts'

async function startedBus() {
  const bus = createEventBus()
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  return bus
}

/** An app with what a host sets for itself: none of it must change. */
function hostApp(): FastifyInstance {
  const app = Fastify()
  onTestFinished(async () => app.close())
  app.setErrorHandler((error, _request, reply) => reply.code(418).send({ host: String(error) }))
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ host: 'not found' }))
  app.get('/fails', () => {
    throw new Error('of the host')
  })
  app.post(
    '/coerced',
    { schema: { body: { type: 'object', properties: { n: { type: 'integer' } } } } },
    (request) => request.body,
  )
  return app
}

async function refusal(app: FastifyInstance): Promise<unknown> {
  return app.ready().then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('the app has the bus as app.events, typed', async () => {
  const app = hostApp()
  const bus = await startedBus()
  await app.register(eventsModule, { bus })
  expect(app.events).toBe(bus)
  await app.events.publish({ type: 'info', source: 'system', data: { code: 'typed' } })
  const answer = await app.inject('/api/v1/events')
  expect(answer.json().total).toBe(1)
})

test('a bus that was made for event types of its own is taken, without a cast', async () => {
  const bus = createEventBus<{ 'order.paid': { total: number } }>()
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  const app = hostApp()
  await app.register(eventsModule, { bus })
  await bus.publish({ type: 'order.paid', source: 'shop', data: { total: 5 } })
  expect((await app.inject('/api/v1/events')).json()).toMatchObject({ events: [{ data: { total: 5 } }] })
})

describe('refused, with a message that says what to do', () => {
  test('options that are wrong or unknown, by name', async () => {
    const app = hostApp()
    const wrong = { bus: {}, prefix: 'events/', bodyLimit: 0, heartbeatMs: '30', authorise: true }
    // What a caller without types may pass.
    app.register(eventsModule, wrong as never)
    const error = await refusal(app)
    expect(error).toBeInstanceOf(EventsError)
    expect(error).toMatchObject({ code: 'EVENTS_INVALID' })
    for (const name of ['bus', 'prefix', 'bodyLimit', 'heartbeatMs', 'authorise is not a known option']) {
      expect(String(error)).toContain(name)
    }
  })

  test('a missing bus', async () => {
    const app = hostApp()
    app.register(eventsModule, {} as never)
    expect(await refusal(app)).toMatchObject({
      message: expect.stringMatching(/bus must be an event bus.*createEventBus/),
    })
  })

  test('a bus that was not started', async () => {
    const app = hostApp()
    app.register(eventsModule, { bus: createEventBus() })
    expect(await refusal(app)).toMatchObject({
      code: 'EVENTS_NOT_RUNNING',
      message: expect.stringContaining('await bus.start()'),
    })
  })

  test('a second registration on the same app, with another prefix too', async () => {
    const app = hostApp()
    const bus = await startedBus()
    app.register(eventsModule, { bus })
    app.register(eventsModule, { bus, prefix: '/other' })
    expect(await refusal(app)).toMatchObject({ message: expect.stringContaining('app.events') })
  })

  test('a second registration on the same path, from another scope', async () => {
    const app = hostApp()
    const bus = await startedBus()
    app.register(async (scope) => scope.register(eventsModule, { bus }))
    app.register(async (scope) => scope.register(eventsModule, { bus }))
    expect(await refusal(app)).toMatchObject({
      message: expect.stringContaining('/api/v1/events is served already'),
    })
  })

  test.each(['', '/', 'events', '/events/', '/a//b', '/events?x', '/events#x'])(
    'the prefix "%s"',
    async (prefix) => {
      const app = hostApp()
      app.register(eventsModule, { bus: await startedBus(), prefix })
      expect(await refusal(app)).toMatchObject({ message: expect.stringContaining('prefix must be a path') })
    },
  )
})

describe('encapsulation', () => {
  test('the host keeps its error handler, its not-found handler, its validator and its parsers', async () => {
    const app = hostApp()
    app.register(eventsModule, { bus: await startedBus() })
    expect((await app.inject('/fails')).json()).toEqual({ host: 'Error: of the host' })
    expect((await app.inject('/api/v1/eventsX')).json()).toEqual({ host: 'not found' })
    expect((await app.inject('/api/v1')).json()).toEqual({ host: 'not found' })
    const coerced = await app.inject({ method: 'POST', url: '/coerced', payload: { n: '5' } })
    expect(coerced.json()).toEqual({ n: 5 })
    expect((await app.inject('/api/v1/events/no/thing')).json().code).toBe('HTTP_NOT_FOUND')
  })

  test('whatever the host set for all routes, the module answers as documented', async () => {
    const app = hostApp()
    app.setReplySerializer(() => '"of the host"')
    app.setSchemaErrorFormatter(() => new Error('of the host'))
    app.setValidatorCompiler(() => () => ({ error: new Error('of the host') }))
    app.register(eventsModule, { bus: await startedBus() })
    expect((await app.inject('/api/v1/events')).json()).toMatchObject({ total: 0 })
    expect((await app.inject('/api/v1/events?limit=0')).json().code).toBe('EVENTS_INVALID')
  })

  test('two buses on one app, each in a scope of its own, know nothing of each other', async () => {
    const app = hostApp()
    const buses = [await startedBus(), await startedBus()] as const
    app.register(async (scope) => {
      await scope.register(eventsModule, { bus: buses[0], prefix: '/one' })
      expect(scope.events).toBe(buses[0])
    })
    app.register(
      async (scope) => {
        await scope.register(eventsModule, { bus: buses[1], prefix: '/events' })
        expect(scope.events).toBe(buses[1])
      },
      { prefix: '/two' },
    )
    await app.ready()
    await buses[0].publish({ type: 'a', source: 'x' })
    expect((await app.inject('/one')).json().total).toBe(1)
    expect((await app.inject('/two/events/')).json().total).toBe(0)
    expect((await app.inject('/two/events/no/thing')).json().code).toBe('HTTP_NOT_FOUND')
    expect(app.hasDecorator('events')).toBe(false)
  })

  test('errors of the host’s own hooks keep their status and headers', async () => {
    const app = hostApp()
    app.addHook('onRequest', async () => {
      throw Object.assign(new Error('slow down'), { statusCode: 429, headers: { 'retry-after': '7' } })
    })
    app.register(eventsModule, { bus: await startedBus() })
    const answer = await app.inject('/api/v1/events')
    expect(answer.statusCode).toBe(429)
    expect(answer.headers['retry-after']).toBe('7')
    expect(answer.json()).toMatchObject({ status: 429, title: 'Too Many Requests', detail: 'slow down' })
  })
})

describe('paths answer with and without a slash at the end', () => {
  test.each([
    {},
    { routerOptions: { ignoreTrailingSlash: true } },
    { routerOptions: { ignoreDuplicateSlashes: true } },
  ])('in an app with %j', async (options) => {
    const app = Fastify(options)
    onTestFinished(async () => app.close())
    app.register(eventsModule, { bus: await startedBus() })
    for (const path of ['', '/types', '/stats', '/health', '/subscriptions']) {
      for (const slash of ['', '/']) {
        const answer = await app.inject(`/api/v1/events${path}${slash}`)
        expect([path + slash, answer.statusCode]).toEqual([path + slash, 200])
        const head = await app.inject({ method: 'HEAD', url: `/api/v1/events${path}${slash}` })
        expect([path + slash, head.statusCode, head.body]).toEqual([path + slash, 200, ''])
      }
    }
  })

  test('without HEAD, when the app exposes none', async () => {
    const app = Fastify({ exposeHeadRoutes: false })
    onTestFinished(async () => app.close())
    app.register(eventsModule, { bus: await startedBus() })
    const answer = await app.inject({ method: 'HEAD', url: '/api/v1/events/stats' })
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET'])
  })
})
