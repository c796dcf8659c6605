import { once } from 'node:events'
import { get, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { type EventBus, memoryStorage } from '@viewra/events-core'
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { listeningApp } from './events-app.ts'
import { type Message, SocketClient } from './socket-client.ts'

const input = (n: number, type = 'a') => ({ type, source: 'x', data: { n } })
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const inputs = (from: number, to: number) => range(from, to).map((n) => input(n))
const numbersOf = (messages: readonly Message[], subscription?: string) =>
  messages.flatMap((message) =>
    message.type === 'event' && (subscription === undefined || message.subscription === subscription)
      ? [(message.event as { data: { n: number } }).data.n]
      : [],
  )
const isNumber = (n: number) => (message: Message) => numbersOf([message])[0] === n

async function cursorAt(bus: EventBus, position: number): Promise<string> {
  return `${(await bus.head()).epoch}.${position}`
}

async function subscribed(url: string, message: object = {}): Promise<SocketClient> {
  const client = await SocketClient.open(url)
  client.send({ type: 'subscribe', id: 's', ...message })
  await client.until('ack')
  return client
}

describe('subscribe', () => {
  test('answers where it begins; then events come as they are, each with its cursor', async () => {
    const { bus, url } = await listeningApp()
    await bus.publish(input(1))
    const client = await SocketClient.open(url)
    client.send({ type: 'subscribe', id: 's', filter: { types: ['a'] } })
    expect(await client.next()).toEqual({
      type: 'ack',
      request: 'subscribe',
      id: 's',
      cursor: await cursorAt(bus, 1),
    })
    expect(await client.next()).toMatchObject({ type: 'caught_up', subscription: 's' })
    await bus.publish(input(2, 'b'))
    const { id } = await bus.publish(input(3))
    expect(await client.next()).toEqual({
      type: 'event',
      subscription: 's',
      cursor: await cursorAt(bus, 3),
      event: await bus.get(id),
    })
    expect(bus.subscriptions()).toMatchObject([
      { name: 'websocket', subscriber: '127.0.0.1', filter: { types: ['a'] } },
    ])
  })

  test('many over one socket, each with a filter and a place of its own', async () => {
    const { bus, url } = await listeningApp()
    await bus.publishMany([input(1), input(2, 'b'), input(3)])
    const client = await SocketClient.open(url)
    client.send({ type: 'subscribe', id: 'all', from: 'beginning' })
    client.send({ type: 'subscribe', id: 'later', filter: { types: ['a'] }, after: await cursorAt(bus, 1) })
    client.send({ type: 'subscribe', id: 'live', filter: { types: ['b'] } })
    const seen = [
      ...(await client.until('caught_up')),
      ...(await client.until('caught_up')),
      ...(await client.until('caught_up')),
    ]
    await bus.publishMany([input(4, 'b'), input(5, 'c')])
    while (numbersOf(seen).length < 7) seen.push(await client.next())
    expect(numbersOf(seen, 'all')).toEqual([1, 2, 3, 4, 5])
    expect(numbersOf(seen, 'later')).toEqual([3])
    expect(numbersOf(seen, 'live')).toEqual([4])
  })

  test('thousands of events during the hand-over: each once, in order', async () => {
    const { bus, url } = await listeningApp({ bus: { storage: memoryStorage({ capacity: 100_000 }) } })
    await bus.publishMany(inputs(1, 2_000))
    const publishing = (async () => {
      for (let n = 2_001; n <= 8_000; n += 20) await bus.publishMany(inputs(n, n + 19))
    })()
    const client = await subscribed(url, { after: await cursorAt(bus, 500) })
    expect(numbersOf(await client.until('event', isNumber(8_000)))).toEqual(range(501, 8_000))
    await publishing
  })

  test('what retention removed is a gap; a cursor of another store is a reset', async () => {
    const { bus, url } = await listeningApp()
    await bus.publishMany(inputs(1, 10))
    const old = await cursorAt(bus, 4)
    await bus.clear()
    await bus.publish(input(11))
    const client = await SocketClient.open(url)
    client.send({ type: 'subscribe', id: 's', after: old })
    expect(await client.until('caught_up')).toMatchObject([
      { type: 'ack', cursor: old },
      { type: 'gap', from: 5, to: 10, archived: false, cursor: await cursorAt(bus, 10) },
      { type: 'event', event: { data: { n: 11 } } },
      { type: 'caught_up' },
    ])
    client.send({ type: 'subscribe', id: 'foreign', after: 'other.3', from: 'beginning' })
    expect(await client.until('caught_up')).toMatchObject([
      { type: 'ack', cursor: await cursorAt(bus, 10) },
      { type: 'reset', cursor: await cursorAt(bus, 10) },
      { type: 'event' },
      { type: 'caught_up' },
    ])
  })

  test('a quiet subscription’s cursor moves with the log', async () => {
    const { bus, url } = await listeningApp({ module: { heartbeatMs: 20 } })
    const client = await subscribed(url, { filter: { types: ['quiet'] } })
    await bus.publishMany(inputs(1, 5))
    const [last] = (await client.until('checkpoint')).slice(-1)
    expect(last).toEqual({ type: 'checkpoint', subscription: 's', cursor: await cursorAt(bus, 5) })
  })

  test('unsubscribe ends it: nothing of it comes after the ack', async () => {
    const { bus, url } = await listeningApp()
    const client = await subscribed(url)
    await client.until('caught_up')
    await bus.publishMany(inputs(1, 100))
    client.send({ type: 'unsubscribe', id: 's' })
    await client.until('ack')
    await bus.publishMany(inputs(101, 110))
    client.send({ type: 'ping', id: 'p' })
    expect(await client.next()).toEqual({ type: 'pong', id: 'p' })
    expect(bus.subscriptions()).toEqual([])
  })

  test('ended and made again while it is being opened, it is the second one', async () => {
    const { bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    client.send({ type: 'subscribe', id: 's', filter: { types: ['a'] } })
    client.send({ type: 'unsubscribe', id: 's' })
    client.send({ type: 'subscribe', id: 's', filter: { types: ['b'] } })
    await client.until('caught_up')
    expect(bus.subscriptions()).toMatchObject([{ filter: { types: ['b'] } }])
  })

  test('with credit no more events come than were asked for', async () => {
    const { bus, url } = await listeningApp()
    await bus.publishMany(inputs(1, 10))
    const client = await subscribed(url, { from: 'beginning', credit: 3 })
    expect(numbersOf(await client.until('event', isNumber(3)))).toEqual([1, 2, 3])
    client.send({ type: 'ping' })
    expect(await client.next()).toEqual({ type: 'pong' })
    client.send({ type: 'credit', id: 's', n: 4 })
    expect(numbersOf(await client.until('event', isNumber(7)))).toEqual([4, 5, 6, 7])
    client.send({ type: 'credit', id: 's', n: 100 })
    expect(numbersOf(await client.until('caught_up'))).toEqual([8, 9, 10])
  })
})

test('a binary frame is refused as any other message that cannot be read', async () => {
  const { bus, url } = await listeningApp()
  const client = await SocketClient.open(url)
  client.socket.send(Buffer.from(JSON.stringify({ type: 'publish', event: input(1) })))
  expect(await client.next()).toEqual({
    type: 'error',
    code: 'HTTP_UNSUPPORTED_MEDIA_TYPE',
    message: 'send each message as one text frame',
  })
  client.send({ type: 'ping' })
  expect(await client.next()).toEqual({ type: 'pong' })
  expect(await bus.count()).toBe(0)
})

describe('publish', () => {
  test('is acknowledged once the event is stored', async () => {
    const { bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    client.send({ type: 'publish', id: 'p', event: { id: 'e', type: 'a', source: 'x' } })
    const ack = { type: 'ack', request: 'publish', id: 'p', event_id: 'e', position: 1, duplicate: false }
    expect(await client.next()).toEqual(ack)
    expect(await bus.get('e')).toMatchObject({ type: 'a', source: 'x' })
    client.send({ type: 'publish', id: 'p', event: { id: 'e', type: 'a', source: 'x' } })
    expect(await client.next()).toEqual({ ...ack, duplicate: true })
  })

  test('many in a row keep their order', async () => {
    const { bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    for (const n of range(1, 500)) client.send({ type: 'publish', id: `${n}`, event: input(n) })
    await client.until('ack', ({ id }) => id === '500')
    const { events } = await bus.list({ limit: 500, order: 'asc' })
    expect(events.map(({ data }) => data.n)).toEqual(range(1, 500))
  })

  test('what cannot be published is an error of that message alone', async () => {
    const { bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    client.send({ type: 'publish', id: 'p', event: { type: 'Not A Type', source: 'x' } })
    expect(await client.next()).toMatchObject({
      type: 'error',
      id: 'p',
      code: 'EVENTS_INVALID',
      errors: [{ path: 'type' }],
    })
    expect(await bus.count()).toBe(0)
  })
})

describe('messages that are refused', () => {
  test.each([
    ['{', 'HTTP_BAD_JSON', undefined],
    ['"text"', 'EVENTS_INVALID', 'type'],
    ['null', 'EVENTS_INVALID', 'type'],
    ['{"type":"shout"}', 'EVENTS_INVALID', 'type'],
    ['{"type":"__proto__"}', 'EVENTS_INVALID', 'type'],
    ['{"type":"subscribe"}', 'EVENTS_INVALID', 'id'],
    [`{"type":"subscribe","id":"${'x'.repeat(65)}"}`, 'EVENTS_INVALID', 'id'],
    ['{"type":"subscribe","id":"s","filter":{"types":"a"}}', 'EVENTS_INVALID', 'filter.types'],
    ['{"type":"subscribe","id":"s","filter":{"unknown":1}}', 'EVENTS_INVALID', 'filter.unknown'],
    ['{"type":"subscribe","id":"s","filter":{"types":["a b"]}}', 'EVENTS_INVALID', 'types.0'],
    ['{"type":"subscribe","id":"s","after":"x"}', 'EVENTS_INVALID', 'after'],
    ['{"type":"subscribe","id":"s","credit":0}', 'EVENTS_INVALID', 'credit'],
    ['{"type":"unsubscribe","id":"s"}', 'EVENTS_NOT_FOUND', undefined],
    ['{"type":"credit","id":"s","n":1}', 'EVENTS_NOT_FOUND', undefined],
    ['{"type":"publish"}', 'EVENTS_INVALID', 'event'],
    [
      '{"type":"publish","event":{"type":"a","source":"x","data":{"__proto__":{}}}}',
      'EVENTS_INVALID',
      'event.data.__proto__',
    ],
  ])('%s', async (text, code, path) => {
    const { bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    client.socket.send(text)
    const error = await client.next()
    expect(error).toMatchObject({ type: 'error', code, message: expect.any(String) })
    if (path !== undefined) expect(error.errors).toMatchObject([{ path }])
    client.send({ type: 'ping' })
    expect((await client.next()).type).toBe('pong')
    expect(bus.subscriptions()).toEqual([])
    expect(await bus.count()).toBe(0)
  })

  test('a name that is taken, and more subscriptions than a socket may have', async () => {
    const { bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    for (const n of range(1, 101)) client.send({ type: 'subscribe', id: `${n}` })
    client.send({ type: 'subscribe', id: '1' })
    const errors = [(await client.until('error')).at(-1), (await client.until('error')).at(-1)]
    expect(errors).toMatchObject([
      { id: '101', code: 'EVENTS_CONFLICT', message: expect.stringContaining('at most 100') },
      { id: '1', code: 'EVENTS_CONFLICT', message: expect.stringContaining("'1'") },
    ])
    await expect.poll(() => bus.subscriptions().length).toBe(100)
  })

  test('too many in a row close the socket; one that can be read is forgiven', async () => {
    const { url } = await listeningApp()
    const client = await SocketClient.open(url)
    for (let n = 0; n < 19; n++) client.socket.send('garbage')
    client.send({ type: 'ping' })
    await client.until('pong')
    for (let n = 0; n < 20; n++) client.socket.send('garbage')
    expect(await client.closed).toEqual({ code: 1008, reason: 'too_many_errors' })
    expect((await client.rest()).at(-1)).toEqual({ type: 'bye', reason: 'too_many_errors' })
  })
})

describe('before and beside the upgrade', () => {
  test.each(['', '/'])('a plain request is told to upgrade (%j)', async (slash) => {
    const { url } = await listeningApp()
    for (const method of ['GET', 'POST']) {
      const response = await fetch(`${url}/ws${slash}`, { method })
      expect(response.status).toBe(method === 'GET' ? 426 : 405)
      expect(response.headers.get('content-type')).toContain('application/problem+json')
    }
  })

  test('the path with a slash is the same socket', async () => {
    const { url } = await listeningApp()
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/`)
    await once(socket, 'open')
    socket.close()
    await once(socket, 'close')
  })

  test('errors are problems: an unknown parameter, a bus that does not run', async () => {
    const { bus, url } = await listeningApp()
    const refusal = async (path: string) => {
      const socket = new WebSocket(url.replace('http', 'ws') + path)
      socket.on('error', () => undefined)
      const [, response] = await once(socket, 'unexpected-response')
      let text = ''
      for await (const chunk of response) text += chunk
      return { status: response.statusCode, type: response.headers['content-type'], ...JSON.parse(text) }
    }
    const type = expect.stringContaining('application/problem+json')
    expect(await refusal('/ws?x=1')).toMatchObject({
      status: 400,
      type: expect.any(String),
      code: 'EVENTS_INVALID',
    })
    expect(await refusal('/nothing/here')).toMatchObject({ status: 404 })
    await bus.stop()
    expect(await refusal('/ws')).toMatchObject({ status: 503, code: 'EVENTS_NOT_RUNNING' })
    expect(type).toBeDefined()
  })

  test.each([
    [{ 'sec-websocket-key': 'short' }, 'Sec-WebSocket-Key'],
    [{ 'sec-websocket-version': '12' }, 'Sec-WebSocket-Version'],
    [{ 'sec-websocket-protocol': 'a,,b' }, 'Sec-WebSocket-Protocol'],
  ])('a handshake with %j is answered with a problem', async (wrong, header) => {
    const { app, url } = await listeningApp()
    const handshake = {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const [response] = await once(get(`${url}/ws`, { headers: { ...handshake, ...wrong } }), 'response')
    expect(response.statusCode).toBe(400)
    expect(response.headers['content-type']).toContain('application/problem+json')
    expect(response.headers['sec-websocket-version']).toBe('13')
    expect(await json(response)).toMatchObject({
      code: 'EVENTS_INVALID',
      errors: [{ path: 'headers', message: expect.stringContaining(header) }],
    })
    const open = () => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
    await expect.poll(open).toBe(0)
  })

  test('no subprotocol is agreed to', async () => {
    const { url } = await listeningApp()
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['graphql-transport-ws'])
    const [error] = await once(socket, 'error')
    expect(error.message).toBe('Server sent no subprotocol')
  })

  test('requests that ask for some upgrade are answered as if they had not, at every path', async () => {
    const { app, url } = await listeningApp({ host: (host) => host.get('/own', async () => 'mine') })
    const origin = new URL(url).origin
    for (const path of [`${origin}/own`, `${url}/types`, `${url}/ws`]) {
      const asked = get(path, { headers: { connection: 'upgrade', upgrade: 'h2c' } })
      const [response] = await once(asked, 'response')
      expect(response.statusCode).toBe(path.endsWith('/ws') ? 426 : 200)
      response.resume()
      await once(response, 'end')
    }
    const asked = request(`${origin}/own`, { headers: { connection: 'upgrade', upgrade: 'websocket' } }).end()
    const [response] = await once(asked, 'response')
    response.resume()
    const open = () => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
    await expect.poll(open).toBe(0)
  })

  test('the app’s own WebSocket plugin is used when there is one', async () => {
    const { default: websocket } = await import('@fastify/websocket')
    const { bus, url } = await listeningApp({
      host: (host) => {
        host.register(websocket)
        host.register(async (scope) => {
          scope.get('/echo', { websocket: true }, (socket) => {
            socket.on('message', (data: Buffer) => socket.send(data))
          })
        })
      },
    })
    const echo = new WebSocket(`${new URL(url).origin.replace('http', 'ws')}/echo`)
    await once(echo, 'open')
    echo.send('hello')
    expect(String((await once(echo, 'message'))[0])).toBe('hello')
    echo.close()
    const client = await subscribed(url)
    await bus.publish(input(1))
    expect(numbersOf(await client.until('event'))).toEqual([1])
  })
})

describe('the end', () => {
  test('closing the app tells every client goodbye', async () => {
    const { app, bus, url } = await listeningApp()
    const clients = await Promise.all(range(1, 100).map(() => subscribed(url)))
    const [, ...endings] = await Promise.all([app.close(), ...clients.map((client) => client.closed)])
    expect(endings).toEqual(range(1, 100).map(() => ({ code: 1001, reason: 'shutdown' })))
    for (const client of clients)
      expect((await client.rest()).at(-1)).toEqual({ type: 'bye', reason: 'shutdown' })
    expect(bus.subscriptions()).toEqual([])
  })

  test('stopping the bus ends the socket once all is sent', async () => {
    const { bus, url } = await listeningApp()
    const client = await subscribed(url)
    for (const n of range(1, 10)) bus.publishAsync(input(n))
    await bus.stop()
    const messages = await client.rest()
    expect(numbersOf(messages)).toEqual(range(1, 10))
    expect(messages.at(-1)).toEqual({ type: 'bye', reason: 'stopped' })
  })
})
