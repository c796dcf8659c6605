import type { Socket } from 'node:net'
import { type FastifyBaseLogger, LogController } from 'fastify'
import { describe, expect, test } from 'vitest'
import { createToken, type EventsModuleOptions } from '../src/index.ts'
import { eventsApp, listeningApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'

// A promise that is rejected, or an error that is thrown, where nobody catches it fails the whole run of this file.

const LIST = '/api/v1/events'
const ADMIN = { name: 'me', role: 'admin' } as const
const { token, hash } = createToken()
const TOKEN = { ...ADMIN, hash }

const fail = (): never => {
  throw new Error('code of others')
}

const HOSTILE_ERRORS: readonly [string, unknown][] = [
  ...['stack', 'message', 'statusCode', 'code', 'headers', 'cause'].map((property): [string, unknown] => [
    `an error whose ${property} throws`,
    Object.defineProperty(new Error('odd'), property, { get: fail }),
  ]),
  [
    'an error with headers that HTTP does not allow',
    Object.assign(new Error('odd'), { statusCode: 503, headers: { 'not a name': 'a\nb' } }),
  ],
  ['an error with a code that is no string', Object.assign(new Error('odd'), { statusCode: 503, code: 7 })],
  ['a proxy that throws', new Proxy({}, { get: fail, has: fail, getPrototypeOf: fail, ownKeys: fail })],
  ['an object without a prototype', Object.create(null)],
  ['a symbol', Symbol('odd')],
  ['nothing', undefined],
  ['null', null],
]

function raise(odd: unknown): never {
  throw odd
}

/** Callbacks of a host; each throws what `odd` has, while it has something. */
const CALLBACKS: readonly [string, (odd: unknown[]) => Partial<EventsModuleOptions>][] = [
  ['authorize', (odd) => ({ authorize: () => (odd.length > 0 ? raise(odd[0]) : ADMIN) })],
  ['authorize, async', (odd) => ({ authorize: async () => (odd.length > 0 ? raise(odd[0]) : ADMIN) })],
  ['tokens', (odd) => ({ tokens: () => (odd.length > 0 ? raise(odd[0]) : [TOKEN]) })],
]

test.each(CALLBACKS)('%s that throws, whatever it is, gets its own request refused', async (_, options) => {
  const odd: unknown[] = []
  const { app } = await eventsApp({ module: options(odd) })
  const ask = () => app.inject({ url: LIST, headers: { authorization: `Bearer ${token}` } })
  for (const [name, error] of HOSTILE_ERRORS) {
    odd[0] = error
    const answer = await ask()
    expect(answer.statusCode, name).toBeGreaterThanOrEqual(500)
    expect(answer.headers['content-type'], name).toContain('application/problem+json')
    odd.length = 0
    expect((await ask()).statusCode, name).toBe(200)
  }
})

test.each([
  ['nothing of a principal', {}],
  ['a role that there is not', { name: 'me', role: 'god' }],
  ['no name', { role: 'admin' }],
  ['lists that are none', { name: 'me', role: 'publisher', types: 'a' }],
  ['null', null],
])('an authorize that answers with %s admits nobody', async (_, principal) => {
  const { app } = await eventsApp({ module: { authorize: () => principal as never } })
  const answer = await app.inject({ method: 'POST', url: LIST, payload: { type: 'a', source: 'x' } })
  expect(answer.statusCode).toBeGreaterThanOrEqual(400)
  expect(answer.headers['content-type']).toContain('application/problem+json')
})

/** A logger that cannot write, once the app is up. Fastify's own lines would end the process. */
class BrokenLogger {
  isBroken = false
  readonly level = 'info'
  readonly #write = () => (this.isBroken ? fail() : undefined)
  readonly [level: string]: unknown

  constructor() {
    const methods = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((name) => [
      name,
      this.#write,
    ])
    Object.assign(this, Object.fromEntries(methods), { child: () => this })
  }
}

function brokenLogger() {
  const logger = new BrokenLogger()
  const loggerInstance = logger as unknown as FastifyBaseLogger
  // The lines of each request are Fastify's.
  const logController = new LogController({ disableRequestLogging: true })
  return { logger, fastify: { loggerInstance, logController } }
}

describe('a logger that throws', () => {
  test('costs no answer: neither of what is refused, nor of what fails, nor of what is done', async () => {
    const { logger, fastify } = brokenLogger()
    const { app, bus } = await eventsApp({ fastify })
    logger.isBroken = true
    const statusOf = async (method: 'GET' | 'POST', url: string) =>
      (await app.inject({ method, url: `${LIST}${url}` })).statusCode
    expect(await statusOf('GET', '?limit=x')).toBe(400)
    await bus.publish({ type: 'a', source: 'x' })
    bus.publish = fail
    expect(await statusOf('POST', '/clear')).toBe(200)
    bus.list = fail
    expect(await statusOf('GET', '')).toBe(500)
  })

  test('costs no connection but that of a WebSocket client that breaks the protocol', async () => {
    const { logger, fastify } = brokenLogger()
    const { url } = await listeningApp({ fastify })
    const [bad, good] = [await SocketClient.open(url), await SocketClient.open(url)]
    logger.isBroken = true
    // A frame with a reserved bit.
    const { _socket: connection } = bad.socket as unknown as { readonly _socket: Socket }
    connection.write(Buffer.from([0xf1, 0x80, 0, 0, 0, 0]))
    await bad.closed
    good.send({ type: 'ping' })
    expect(await good.next()).toMatchObject({ type: 'pong' })
  })
})

test('a bus that fails, with whatever it is, gets the request refused', async () => {
  const { app, bus } = await eventsApp()
  for (const [name, error] of HOSTILE_ERRORS) {
    bus.list = () => raise(error)
    const answer = await app.inject(LIST)
    expect(answer.statusCode, name).toBeGreaterThanOrEqual(500)
    expect(answer.headers['content-type'], name).toContain('application/problem+json')
  }
})
