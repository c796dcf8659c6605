import { once } from 'node:events'
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import websocket from '@fastify/websocket'
import { createEventBus, type EventBus } from '@viewra/events-core'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import WebSocket, { WebSocketServer } from 'ws'
import { type EventsModuleOptions, eventsModule } from '../src/index.ts'

const WANTS_SOCKET = { connection: 'upgrade', upgrade: 'websocket' }
const HANDSHAKE = {
  ...WANTS_SOCKET,
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

async function startedBus(): Promise<EventBus> {
  const bus = createEventBus()
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  return bus
}

/** Listens, and closes with the test: whatever it leaves unanswered makes that hang. */
async function listening(add: (app: FastifyInstance) => void, options: FastifyServerOptions = {}) {
  const app = Fastify(options)
  onTestFinished(async () => app.close())
  add(app)
  return { app, origin: await app.listen({ host: '127.0.0.1', port: 0 }) }
}

async function appWithModule(options: FastifyServerOptions = {}, module: Partial<EventsModuleOptions> = {}) {
  const bus = await startedBus()
  return { bus, ...(await listening((app) => void app.register(eventsModule, { bus, ...module }), options)) }
}

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

async function ask(url: string, options: RequestOptions, body?: string): Promise<Answer> {
  const asked = request(url, { agent: false, ...options }).end(body)
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve)
    asked.once('upgrade', (response: IncomingMessage, socket) => {
      socket.destroy()
      resolve(response)
    })
    asked.once('error', reject)
  })
  const { statusCode: status, headers } = await answer
  if (status === 101) return { status, headers, text: '' }
  let text = ''
  for await (const chunk of await answer) text += chunk
  return { status, headers, text }
}

async function openSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'))
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** Whether a socket is the module's: it answers. */
async function pong(url: string): Promise<unknown> {
  const socket = await openSocket(url)
  socket.send('{"type":"ping"}')
  const [message] = await once(socket, 'message')
  socket.close()
  return JSON.parse(String(message))
}

function openConnections(app: FastifyInstance): Promise<number> {
  return new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
}

describe('two modules in one app', () => {
  const twoModules = async () => {
    const buses = [await startedBus(), await startedBus()] as const
    const { app, origin } = await listening((host) => {
      host.get('/own', async () => 'mine')
      host.register(async (scope) => scope.register(eventsModule, { bus: buses[0], prefix: '/one' }))
      host.register(async (scope) => scope.register(eventsModule, { bus: buses[1], prefix: '/two' }))
    })
    return { app, origin, buses }
  }

  test('have a socket each', async () => {
    const { origin, buses } = await twoModules()
    for (const [index, prefix] of ['one', 'two'].entries()) {
      const socket = await openSocket(`${origin}/${prefix}/ws`)
      socket.send('{"type":"publish","event":{"type":"a","source":"x"}}')
      await once(socket, 'message')
      expect(await Promise.all(buses.map((bus) => bus.count()))).toEqual(index === 0 ? [1, 0] : [1, 1])
    }
  })

  test('leave no request for an upgrade without an answer, and close', async () => {
    const { app, origin } = await twoModules()
    for (const [path, status] of [
      ['/own', 200],
      ['/none', 404],
      ['/one/stats', 200],
      ['/two/none', 404],
    ] as const) {
      for (const upgrade of ['websocket', 'h2c']) {
        const answer = await ask(origin + path, { headers: { connection: 'upgrade', upgrade } })
        expect([path, upgrade, answer.status]).toEqual([path, upgrade, status])
      }
    }
    await expect.poll(() => openConnections(app)).toBe(0)
    await app.close()
  })
})

describe('the app’s router decides which path it is', () => {
  const LONG_ID = 'i'.repeat(128)
  const inScope = (prefix: string) => async (bus: EventBus, options: FastifyServerOptions) =>
    listening(
      (host) => void host.register(async (scope) => scope.register(eventsModule, { bus }), { prefix }),
      options,
    )

  test.each([
    ['as it is', '', {}, '/api/v1/events'],
    ['with a variable in its prefix', '/tenants/:tenant', {}, '/tenants/t1/api/v1/events'],
    ['with escapes', '', {}, '/api/v1/%65vents'],
    ['with escapes in a variable', '/tenants/:tenant', {}, '/tenants/a%2Fb%20c/api/v1/events'],
    ['in another case', '', { routerOptions: { caseSensitive: false } }, '/API/v1/Events'],
    [
      'rewritten',
      '',
      { rewriteUrl: ({ url = '' }: IncomingMessage) => url.replace(/^\/outer/, '/api/v1') },
      '/outer/events',
    ],
  ] as const)('%s', async (_how, prefix, options, path) => {
    const bus = await startedBus()
    const { origin } = await inScope(prefix)(bus, options)
    expect(await pong(`${origin + path}/ws`)).toEqual({ type: 'pong' })
    expect(await pong(`${origin + path}/ws/`)).toEqual({ type: 'pong' })
    await bus.publishMany([
      { id: LONG_ID, type: 'a', source: 'x' },
      { id: `${LONG_ID.slice(1)}/`, type: 'a', source: 'x' },
    ])
    for (const id of [LONG_ID, `${LONG_ID}/`, `${LONG_ID.slice(1)}%2F`])
      expect((await ask(`${origin + path}/${id}`, {})).status).toBe(200)
    expect((await ask(`${origin + path}/${LONG_ID.slice(1)}/x`, {})).status).toBe(404)
    expect((await ask(`${origin + path}/stats`, { method: 'DELETE' })).headers.allow).toBe('GET, HEAD')
    expect((await ask(`${origin + path}/clear`, { method: 'POST' })).status).toBe(200)
  })
})

describe('a request that asks for another protocol', () => {
  test('is answered as if it had not, its body included, and its connection goes on', async () => {
    const { app, bus, origin } = await appWithModule()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    let connections = 0
    app.server.on('connection', (socket) => {
      if (!socket.listenerCount('counted')) connections++
      socket.on('counted', () => undefined)
    })
    const event = { type: 'a', source: 'x', data: { text: 'x'.repeat(200_000) } }
    const headers = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
      'content-type': 'application/json',
    }
    const url = `${origin}/api/v1/events`
    for (let n = 0; n < 2; n++) {
      const answer = await ask(url, { method: 'POST', agent, headers }, JSON.stringify(event))
      expect(answer.status).toBe(201)
    }
    expect((await ask(`${url}/stats`, { agent })).status).toBe(200)
    expect(await bus.count()).toBe(2)
    expect(connections).toBe(1)
  })
})

describe('beside a WebSocket plugin of the app', () => {
  const echo = async (scope: FastifyInstance) => {
    scope.get('/echo', { websocket: true }, (socket) => {
      socket.on('message', (data: Buffer) => socket.send(data))
    })
  }
  const PLACES: Readonly<Record<string, (app: FastifyInstance, bus: EventBus) => void>> = {
    'that was registered first': (app, bus) => {
      app.register(websocket)
      app.register(echo)
      app.register(eventsModule, { bus })
    },
    'in a part of its own, before': (app, bus) => {
      app.register(async (scope) => {
        await scope.register(websocket)
        await scope.register(echo)
      })
      app.register(eventsModule, { bus })
    },
    'in a part of its own, after': (app, bus) => {
      app.register(eventsModule, { bus })
      app.register(async (scope) => {
        await scope.register(websocket)
        await scope.register(echo)
      })
    },
  }

  test.each(Object.keys(PLACES))('%s both work, and the module keeps its limits', async (place) => {
    const bus = await startedBus()
    const requests: string[] = []
    const { origin } = await listening((app) => {
      app.addHook('onRequest', async ({ url }) => void requests.push(url))
      PLACES[place]?.(app, bus)
    })
    const other = await openSocket(`${origin}/echo`)
    other.send('hello')
    expect(String((await once(other, 'message'))[0])).toBe('hello')
    expect(await pong(`${origin}/api/v1/events/ws`)).toEqual({ type: 'pong' })
    const large = await openSocket(`${origin}/api/v1/events/ws`)
    large.send(`{"type":"ping","id":"${'x'.repeat(33 * 1_048_576)}"}`)
    expect((await once(large, 'close'))[0]).toBe(1009)
    const refused = await ask(`${origin}/api/v1/events/ws?x=1`, { headers: HANDSHAKE })
    expect([refused.status, JSON.parse(refused.text).code]).toEqual([400, 'EVENTS_INVALID'])
    // Each once.
    expect(requests).toHaveLength(4)
  })
})

test('beside a library that listens for itself each has its own paths', async () => {
  const bus = await startedBus()
  const { app, origin } = await listening((host) => void host.register(eventsModule, { bus }))
  const server = new WebSocketServer({ noServer: true })
  server.on('connection', (socket) => socket.send('other'))
  app.server.on('upgrade', (asked, socket, head) => {
    if (asked.url === '/other')
      server.handleUpgrade(asked, socket, head, (open) => server.emit('connection', open))
  })
  const other = new WebSocket(`${origin.replace('http', 'ws')}/other`)
  onTestFinished(() => other.terminate())
  expect(String((await once(other, 'message'))[0])).toBe('other')
  expect(await pong(`${origin}/api/v1/%65vents/ws`)).toEqual({ type: 'pong' })
})

test('undici’s client is served', async () => {
  const { origin } = await appWithModule()
  const socket = new globalThis.WebSocket(`${origin.replace('http', 'ws')}/api/v1/events/ws`)
  await new Promise((resolve) => socket.addEventListener('open', resolve))
  const answered = new Promise<MessageEvent>((resolve) => socket.addEventListener('message', resolve))
  socket.send('{"type":"ping"}')
  expect(JSON.parse((await answered).data)).toEqual({ type: 'pong' })
  socket.close()
})
