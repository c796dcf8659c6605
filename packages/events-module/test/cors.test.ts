import cors, { type FastifyCorsOptions } from '@fastify/cors'
import { createEventBus } from '@viewra/events-core'
import Fastify, { type FastifyInstance } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventsModule } from '../src/index.ts'

const PATH = '/api/v1/events'
const OURS = 'https://media.example'
const HOSTS = 'https://host.example'

async function readyApp(register: (app: FastifyInstance) => void): Promise<FastifyInstance> {
  const app = Fastify()
  onTestFinished(async () => app.close())
  register(app)
  app.get('/own', async () => 'of the host')
  await app.ready()
  return app
}

async function bus() {
  const made = createEventBus()
  await made.start()
  onTestFinished(async () => void (await made.stop()))
  return made
}

/** Whose pages may read the answer, by the answer itself and by the preflight. */
async function allowed(app: FastifyInstance, path: string): Promise<unknown> {
  const origins = await Promise.all(
    [OURS, HOSTS].map(async (origin) => {
      const asked = { origin, 'access-control-request-method': 'DELETE' }
      const [answer, preflight] = await Promise.all([
        app.inject({ url: path, headers: { origin } }),
        app.inject({ method: 'OPTIONS', url: path, headers: asked }),
      ])
      const allow = 'access-control-allow-origin'
      const methods = preflight.headers['access-control-allow-methods']
      const isAllowed = answer.headers[allow] === origin && preflight.headers[allow] === origin
      return isAllowed ? [origin, String(methods).includes('DELETE')] : []
    }),
  )
  return Object.fromEntries(origins.filter(({ length }) => length > 0))
}

const HOST_RULES: readonly (readonly [string, FastifyCorsOptions])[] = [
  ['one origin', { origin: [HOSTS] }],
  ['one origin, late', { origin: [HOSTS], hook: 'preHandler' }],
  ['a function', { origin: (_origin, done) => done(null, HOSTS) }],
  ['a delegator', { delegator: (_request, done) => done(null, { origin: [HOSTS] }) }],
]

describe('in an app that has @fastify/cors itself', () => {
  test.each(HOST_RULES)('corsOrigins hold for the module, and the host keeps %s', async (_name, rules) => {
    const module = { bus: await bus(), corsOrigins: [OURS] }
    const before = await readyApp((app) => {
      app.register(cors, rules)
      app.register(eventsModule, module)
    })
    expect(await allowed(before, '/own')).toEqual({ [HOSTS]: false })
    for (const path of ['', '/', '/stats', '/stats/', '/docs/json']) {
      expect([path, await allowed(before, PATH + path)]).toEqual([path, { [OURS]: true }])
    }
    const after = await readyApp((app) => {
      app.register(eventsModule, module)
      app.register(cors, rules)
    })
    expect(await allowed(after, '/own')).toEqual({ [HOSTS]: false })
    for (const path of ['', '/stats'])
      expect([path, await allowed(after, PATH + path)]).toEqual([path, { [OURS]: true }])
  })

  test('its rules hold for the module too when there are no corsOrigins', async () => {
    const module = { bus: await bus(), authorize: () => ({ name: 'hedy', role: 'admin' }) as const }
    const app = await readyApp((host) => {
      host.register(cors, { origin: [HOSTS] })
      host.register(eventsModule, module)
    })
    expect(await allowed(app, `${PATH}/stats`)).toEqual({ [HOSTS]: false })
  })

  test('two modules have their own origins', async () => {
    const [one, two] = [await bus(), await bus()]
    const app = await readyApp((host) => {
      host.register(cors, { origin: false })
      host.register(async (scope) =>
        scope.register(eventsModule, { bus: one, prefix: '/one', corsOrigins: [OURS] }),
      )
      host.register(async (scope) =>
        scope.register(eventsModule, { bus: two, prefix: '/two', corsOrigins: [HOSTS] }),
      )
    })
    expect(await allowed(app, '/one/stats')).toEqual({ [OURS]: true })
    expect(await allowed(app, '/two/stats')).toEqual({ [HOSTS]: true })
  })
})

test.each([
  ['of the host', true],
  ['of its own', false],
])('OPTIONS of a program, which has no origin, is answered with the methods: %s', async (_name, hasOwn) => {
  const module = { bus: await bus(), corsOrigins: [OURS] }
  const app = await readyApp((host) => {
    if (hasOwn) host.register(cors, { origin: [HOSTS] })
    host.register(eventsModule, module)
  })
  const answer = await app.inject({ method: 'OPTIONS', url: `${PATH}/clear` })
  expect([answer.statusCode, answer.body]).toEqual([204, ''])
})
