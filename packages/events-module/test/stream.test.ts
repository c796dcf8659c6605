import { connect, type Socket } from 'node:net'
import type { EventBus } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { listeningApp } from './events-app.ts'
import { frameOf, SseClient } from './sse-client.ts'

/** Larger than what sockets buffer, if a few of it wait. */
const BIG = { blob: 'x'.repeat(250_000) }

/** A client that asks for the stream and then reads only when it is told to. */
async function openUnread(url: string): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  onTestFinished(() => void socket.destroy())
  socket.pause()
  socket.write(`GET ${pathname}/stream HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  return socket
}

/** Has every opening of a feed take as long as `meanwhile`, which runs when it is open but not answered yet. */
function whileOpening(bus: EventBus, meanwhile: () => Promise<unknown>): void {
  const open = bus.feed.bind(bus)
  vi.spyOn(bus, 'feed').mockImplementation(async (filter, options) => {
    const feed = await open(filter, options)
    await meanwhile()
    return feed
  })
}

function openConnections(app: FastifyInstance): Promise<number> {
  return new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
}

function runningTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
}

/** Waits until no buffer between the stream and a client that does not read has any room left. */
async function untilStalled(bus: EventBus): Promise<void> {
  let before = 0
  const isStalled = () => {
    const [stream] = bus.subscriptions().filter(({ in_flight }) => in_flight > 0)
    const now = stream?.trigger_count ?? 0
    const unchanged = now > 1 && now === before
    before = now
    return unchanged
  }
  await expect.poll(isStalled).toBe(true)
}

/** All that comes until the server closes. */
async function readToEnd(socket: Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

describe('frames', () => {
  test('connected comes first, then each event as it is, then heartbeats', async () => {
    const { bus, url } = await listeningApp({ module: { heartbeatMs: 20 } })
    const client = await SseClient.open(`${url}/stream`)
    expect(await client.next()).toEqual({
      type: 'connected',
      message: 'Connected to event stream',
      data: { subscription: expect.any(String), filter: {} },
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    })
    const { id } = await bus.publish({ type: 'scan.progress.x', source: 'x', data: { n: 1 }, ttl: 100_000 })
    expect(await client.until('event')).toEqual([
      { type: 'event', data: await bus.get(id), time: expect.any(String) },
    ])
    expect(await client.until('heartbeat')).toEqual([
      { type: 'heartbeat', data: {}, message: 'keepalive', time: expect.any(String) },
    ])
    await client.until('heartbeat')
  })

  test('nothing in an event can break a frame or forge another', async () => {
    const { bus, url } = await listeningApp()
    const client = await SseClient.open(`${url}/stream`)
    await client.until('connected')
    const text = 'a\r\n\r\ndata: {"type":"forged"}\n\nevent: x\rid: 5\u2028\u2029\u0085'
    await bus.publish({ type: 'a', source: text, title: text, tags: [text], data: { [text]: text } })
    const frame = frameOf(await client.nextMessage())
    expect(frame).toMatchObject({
      type: 'event',
      data: { source: text, title: text, tags: [text], data: { [text]: text } },
    })
  })

  test('an event that is live only is streamed, without a position', async () => {
    const { bus, url } = await listeningApp({ bus: { persist: 'none' } })
    const client = await SseClient.open(`${url}/stream`)
    await client.until('connected')
    await bus.publish({ type: 'a', source: 'x' })
    const [frame] = await client.until('event')
    expect(frame?.data).not.toHaveProperty('position')
  })

  test('headers keep proxies from holding events back, and those of the app’s hooks are kept', async () => {
    const { url } = await listeningApp({
      host: (app) =>
        app.addHook('onRequest', async (_request, reply) => {
          reply
            .header('access-control-allow-origin', 'https://example.org')
            .header('set-cookie', ['a=1', 'b=2'])
        }),
    })
    const { response } = await SseClient.open(`${url}/stream`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    expect(response.headers.get('access-control-allow-origin')).toBe('https://example.org')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })
})

describe('what is streamed', () => {
  test.each([
    ['', 'abcd'],
    ['types=scan.*,user.created', 'abd'],
    ['type=scan.started&types=user.created', 'ad'],
    ['sources=plugin:*', 'ab'],
    ['tags=red,blue', 'bc'],
    ['priority=high', 'cd'],
    ['priority=6', 'cd'],
    ['target=t', 'd'],
    ['types=&sources=&tags=&priority=', 'abcd'],
    ['types=scan.*&tags=red', 'b'],
    ['data[user][id]=5', 'd'],
    ['data.user.id=5', 'd'],
  ])('?%s', async (query, expected) => {
    const { bus, url } = await listeningApp()
    const client = await SseClient.open(`${url}/stream?${query}`)
    await client.until('connected')
    await bus.publishMany([
      { id: 'a', type: 'scan.started', source: 'plugin:a' },
      { id: 'b', type: 'scan.file.found', source: 'plugin:b', tags: ['red'] },
      { id: 'c', type: 'other', source: 'system', tags: ['blue'], priority: 10 },
      {
        id: 'd',
        type: 'user.created',
        source: 'system',
        priority: 20,
        target: 't',
        data: { user: { id: 5 } },
      },
    ])
    const ids: unknown[] = []
    while (ids.length < expected.length) ids.push(...(await client.until('event')).map(({ data }) => data.id))
    expect(ids.join('')).toBe(expected)
  })

  test('every event after connected, in order, and none of before', async () => {
    const { bus, url } = await listeningApp()
    const numbers = Array.from({ length: 2_000 }, (_, n) => n)
    await bus.publish({ type: 'a', source: 'x', data: { n: -1 } })
    const client = await SseClient.open(`${url}/stream`)
    await client.until('connected')
    const publishing = Promise.all(numbers.map((n) => bus.publish({ type: 'a', source: 'x', data: { n } })))
    const seen: unknown[] = []
    for (const _ of numbers) seen.push((await client.next()).data.data)
    await publishing
    expect(seen).toEqual(numbers.map((n) => ({ n })))
  })

  test('an event that comes while the stream begins is sent after connected', async () => {
    const { bus, url } = await listeningApp()
    whileOpening(bus, () => bus.publish({ id: 'early', type: 'a', source: 'x' }))
    const client = await SseClient.open(`${url}/stream`)
    expect((await client.next()).type).toBe('connected')
    expect((await client.next()).data.id).toBe('early')
  })

  test('the subscription is listed with its filter and its client', async () => {
    const { bus, url } = await listeningApp()
    const client = await SseClient.open(`${url}/stream?types=a`)
    const [connected] = await client.until('connected')
    expect(bus.subscriptions()).toMatchObject([
      {
        id: connected?.data.subscription,
        name: 'http-stream',
        subscriber: '127.0.0.1',
        filter: { types: ['a'] },
      },
    ])
  })

  test('HEAD answers the headers and opens no stream', async () => {
    const { bus, url } = await listeningApp()
    for (const slash of ['', '/']) {
      const response = await fetch(`${url}/stream${slash}`, { method: 'HEAD' })
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    }
    expect(bus.subscriptions()).toEqual([])
  })
})

describe('a client that reads too slowly', () => {
  test('is closed when it takes nothing for too long', async () => {
    const { bus, url } = await listeningApp({ module: { streamStallMs: 50 } })
    const socket = await openUnread(url)
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    await bus.publishMany(Array.from({ length: 60 }, () => ({ type: 'a', source: 'x', data: BIG })))
    await expect.poll(() => bus.subscriptions(), { timeout: 10_000 }).toEqual([])
    const text = await readToEnd(socket)
    const [, lastEvent] = [...text.matchAll(/^id: (\S+)\ndata: \{"type":"event"/gm)].at(-1) ?? []
    expect(lastEvent).toBeDefined()
    expect(text).toContain(`"type":"bye","data":{"reason":"too_slow","cursor":"${lastEvent}"}`)
  })

  test('is sent no heartbeats that would only pile up', async () => {
    const sockets: Socket[] = []
    const { bus, url } = await listeningApp({
      module: { heartbeatMs: 1 },
      host: (app) => void app.server.on('connection', (socket) => sockets.push(socket)),
    })
    await openUnread(url)
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    await bus.publishMany(Array.from({ length: 60 }, () => ({ type: 'a', source: 'x', data: BIG })))
    await untilStalled(bus)
    const waiting = () => sockets[0]?.writableLength
    await expect.poll(waiting).toBeGreaterThan(0)
    const before = waiting()
    const reader = await SseClient.open(`${url}/stream?types=b`)
    for (let beats = 0; beats < 20; beats++) await reader.until('heartbeat')
    // Twenty heartbeats are some 1,400 bytes; the framing of what was being written may still add a few.
    expect(waiting() ?? 0).toBeLessThan((before ?? 0) + 100)
  })

  test('delays nobody else', async () => {
    const { bus, url } = await listeningApp()
    await openUnread(url)
    const client = await SseClient.open(`${url}/stream`)
    await client.until('connected')
    await expect.poll(() => bus.subscriptions().length).toBe(2)
    for (let n = 0; n < 60; n++) {
      await bus.publish({ type: 'a', source: 'x', data: { ...BIG, n } })
      expect((await client.next()).data.data).toMatchObject({ n })
    }
    expect(bus.subscriptions().some(({ lag }) => lag > 0)).toBe(true)
  })

  test('goes on without loss when it reads again in time', async () => {
    const { bus, url } = await listeningApp()
    const socket = await openUnread(url)
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    await bus.publishMany(
      Array.from({ length: 60 }, (_, n) => ({ type: 'a', source: 'x', data: { ...BIG, n } })),
    )
    await untilStalled(bus)
    const reading = readToEnd(socket)
    await expect
      .poll(() => bus.subscriptions()[0])
      .toMatchObject({ trigger_count: 60, lag: 0, in_flight: 0, dropped: 0 })
    await bus.stop()
    const numbers = [...(await reading).matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n))
    expect(numbers).toEqual(Array.from({ length: 60 }, (_, n) => n))
  })
})

describe('the end of a stream', () => {
  test('a client that leaves takes its subscription with it, whether or not it was read', async () => {
    const { bus, url } = await listeningApp()
    const [reader, other] = [await SseClient.open(`${url}/stream`), await openUnread(url)]
    await reader.until('connected')
    await expect.poll(() => bus.subscriptions().length).toBe(2)
    await bus.publishMany(Array.from({ length: 60 }, () => ({ type: 'a', source: 'x', data: BIG })))
    await untilStalled(bus)
    reader.leave()
    other.destroy()
    await expect.poll(() => bus.subscriptions()).toEqual([])
  })

  test('a stream that cannot begin leaves no subscription behind', async () => {
    const { bus, url } = await listeningApp({
      host: (app) =>
        app.addHook('onRequest', async (_request, reply) => {
          reply.header('x-broken', 'a\nb')
        }),
    })
    const response = await fetch(`${url}/stream`)
    expect(response.status).toBe(500)
    expect(bus.subscriptions()).toEqual([])
  })

  test('a thousand clients that come and go leave nothing', async () => {
    const { app, bus, url } = await listeningApp()
    const timersBefore = runningTimers()
    for (let round = 0; round < 20; round++) {
      const clients = await Promise.all(Array.from({ length: 50 }, () => SseClient.open(`${url}/stream`)))
      for (const [n, client] of clients.entries()) {
        // Some leave before they have read anything.
        if (n % 2 === 0) await client.next()
        client.leave()
      }
    }
    await expect.poll(() => bus.subscriptions(), { timeout: 10_000 }).toEqual([])
    await expect.poll(() => openConnections(app), { timeout: 10_000 }).toBe(0)
    // Others may have started a few.
    expect(runningTimers()).toBeLessThan(timersBefore + 100)
  })

  test('closing the app tells every client goodbye, and takes no new one', async () => {
    const { app, bus, url } = await listeningApp()
    const clients = await Promise.all(Array.from({ length: 100 }, () => SseClient.open(`${url}/stream`)))
    const [, ...endings] = await Promise.all([app.close(), ...clients.map((client) => client.rest())])
    for (const frames of endings) {
      expect(frames.at(-1)).toMatchObject({
        type: 'bye',
        data: { reason: 'shutdown' },
        message: expect.any(String),
      })
    }
    expect(bus.subscriptions()).toEqual([])
    await expect(fetch(`${url}/stream`)).rejects.toThrow()
  })

  test('closing the app waits for no client that does not read', async () => {
    const { app, bus, url } = await listeningApp()
    await openUnread(url)
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    await bus.publishMany(Array.from({ length: 60 }, () => ({ type: 'a', source: 'x', data: BIG })))
    await untilStalled(bus)
    await app.close()
    expect(bus.subscriptions()).toEqual([])
  })

  test('a client that leaves while its stream begins leaves nothing', async () => {
    const { app, bus, url } = await listeningApp()
    const subscribed = Promise.withResolvers<void>()
    whileOpening(bus, async () => {
      socket.destroy()
      await expect.poll(() => openConnections(app)).toBe(0)
      subscribed.resolve()
    })
    const socket = await openUnread(url)
    await subscribed.promise
    await expect.poll(() => bus.subscriptions()).toEqual([])
  })

  test('a stream that begins while the app closes is told goodbye too', async () => {
    const { app, bus, url } = await listeningApp()
    const closing = Promise.withResolvers<Promise<unknown>>()
    whileOpening(bus, async () => {
      closing.resolve(app.close())
      await expect.poll(() => app.server.listening).toBe(false)
    })
    const client = await SseClient.open(`${url}/stream`)
    expect((await client.rest()).map(({ type }) => type)).toEqual(['connected', 'bye'])
    await await closing.promise
  })

  test('stopping the bus ends streams once all is delivered', async () => {
    const { bus, url } = await listeningApp()
    const client = await SseClient.open(`${url}/stream`)
    await client.until('connected')
    for (let n = 0; n < 10; n++) bus.publishAsync({ type: 'a', source: 'x' })
    await bus.stop()
    const frames = await client.rest()
    expect(frames.map(({ type }) => type)).toEqual([...Array(10).fill('event'), 'bye'])
    expect(frames.at(-1)?.data).toEqual({ reason: 'stopped', cursor: frames.at(-2)?.id })
  })

  test('a quiet stream outlives the inactivity time-out of the server', async () => {
    const { bus, url } = await listeningApp({ fastify: { connectionTimeout: 50, requestTimeout: 50 } })
    const client = await SseClient.open(`${url}/stream`)
    await client.until('connected')
    const { hostname, port } = new URL(url)
    for (let n = 0; n < 3; n++) {
      // The server closes these, one after the other, for the reason that must not count for the stream.
      const idle = connect({ host: hostname, port: Number(port) }).resume()
      await new Promise((resolve) => idle.once('close', resolve))
    }
    await bus.publish({ type: 'a', source: 'x' })
    expect(await client.until('event')).toHaveLength(1)
  })
})
