import { connect } from 'node:net'
import { type EventBus, memoryStorage } from '@viewra/events-core'
import { CloudEvent } from 'cloudevents'
import { describe, expect, test } from 'vitest'
import { listeningApp } from './events-app.ts'
import { type Frame, SseClient } from './sse-client.ts'

const input = (n: number, type = 'a') => ({ type, source: 'x', data: { n } })
const inputs = (from: number, to: number) => range(from, to).map((n) => input(n))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const numbersOf = (frames: readonly Frame[]) =>
  frames.flatMap(({ type, data }) => (type === 'event' ? [(data.data as { n: number }).n] : []))

const roomyApp = () => listeningApp({ bus: { storage: memoryStorage({ capacity: 100_000 }) } })

async function cursorAt(bus: EventBus, position: number): Promise<string> {
  return `${(await bus.head()).epoch}.${position}`
}

/** Frames up to the event of a number. */
async function untilNumber(client: SseClient, n: number): Promise<Frame[]> {
  const frames: Frame[] = []
  for (;;) {
    const frame = await client.next()
    frames.push(frame)
    if (numbersOf([frame])[0] === n) return frames
  }
}

describe('a cursor', () => {
  test('is beside every frame: that of the event, or of what was there before', async () => {
    const { bus, url } = await listeningApp({ module: { heartbeatMs: 20 } })
    await bus.publishMany(inputs(1, 3))
    const client = await SseClient.open(`${url}/stream?types=a`)
    expect((await client.next()).id).toBe(await cursorAt(bus, 3))
    await bus.publish(input(4))
    expect((await client.until('event')).at(-1)?.id).toBe(await cursorAt(bus, 4))
    await bus.publishMany([input(5, 'b'), input(6, 'b')])
    // What does not match moves it too, so that a client that comes again need not look through all that again.
    const beyond = await cursorAt(bus, 6)
    while ((await client.next()).id !== beyond);
  })

  test('comes with the time after which to connect again, each client another', async () => {
    const { url } = await listeningApp()
    const waits = new Set<string | undefined>()
    for (let n = 0; n < 10; n++) {
      const client = await SseClient.open(`${url}/stream`)
      const [, wait] = /^retry: (\d+)\nid: /.exec(await client.nextMessage()) ?? []
      expect(Number(wait)).toBeGreaterThanOrEqual(1_000)
      waits.add(wait)
    }
    expect(waits.size).toBeGreaterThan(1)
  })

  test('of a live-only event is that of the event before', async () => {
    const { bus, url } = await listeningApp({ bus: { persist: ({ type }) => type === 'a' } })
    const client = await SseClient.open(`${url}/stream`)
    await client.until('connected')
    await bus.publish(input(1, 'live'))
    await bus.publish(input(2))
    expect((await client.until('event')).at(-1)?.id).toBeUndefined()
    expect((await client.until('event')).at(-1)?.id).toBe(await cursorAt(bus, 1))
  })
})

describe('going on', () => {
  test.each([
    ['Last-Event-ID', (cursor: string) => ({ query: '', headers: { 'last-event-id': cursor } })],
    ['?after=', (cursor: string) => ({ query: `after=${cursor}`, headers: {} })],
    ['lastEventId', (cursor: string) => ({ query: `lastEventId=${cursor}`, headers: {} })],
    [
      'lastEventId, which knows better than the rest of the query',
      (cursor: string) => ({
        query: `after=${cursor.replace(/\d+$/, '1')}&lastEventId=${cursor}`,
        headers: {},
      }),
    ],
    [
      'Last-Event-ID, which knows better than the query',
      (cursor: string) => ({ query: 'from=beginning', headers: { 'last-event-id': cursor } }),
    ],
  ])('behind %s', async (_name, ask) => {
    const { bus, url } = await listeningApp()
    await bus.publishMany(inputs(1, 100))
    const { query, headers } = ask(await cursorAt(bus, 40))
    const client = await SseClient.open(`${url}/stream?${query}`, headers)
    const frames = await client.until('caught_up')
    expect(frames[0]).toMatchObject({ type: 'connected', id: await cursorAt(bus, 40) })
    expect(numbersOf(frames)).toEqual(range(41, 100))
    await bus.publish(input(101))
    expect(numbersOf(await client.until('event'))).toEqual([101])
  })

  test('?from=beginning and ?since= begin with history; ?from=now does not', async () => {
    const { bus, url } = await listeningApp()
    await bus.publishMany([
      { ...input(1), timestamp: '2026-01-01T00:00:00Z' },
      { ...input(2), timestamp: '2026-02-01T00:00:00Z' },
      { ...input(3), timestamp: '2026-03-01T00:00:00Z' },
    ])
    const history = async (query: string) => {
      const client = await SseClient.open(`${url}/stream?${query}`)
      return numbersOf(await client.until('caught_up'))
    }
    expect(await history('from=beginning')).toEqual([1, 2, 3])
    expect(await history('since=2026-02-01T00:00:00Z')).toEqual([2, 3])
    const live = await SseClient.open(`${url}/stream?from=now`)
    await live.until('connected')
    await bus.publish(input(4))
    expect(numbersOf(await live.until('event'))).toEqual([4])
  })

  test('thousands of events during the hand-over: each once, in order', async () => {
    const { bus, url } = await roomyApp()
    await bus.publishMany(inputs(1, 2_000))
    const publishing = (async () => {
      for (let n = 2_001; n <= 8_000; n += 20) await bus.publishMany(inputs(n, n + 19))
    })()
    const clients = await Promise.all(
      [0, 1_000, 1_999].map(async (after) => ({
        after,
        client: await SseClient.open(`${url}/stream?after=${await cursorAt(bus, after)}`),
      })),
    )
    for (const { after, client } of clients)
      expect(numbersOf(await untilNumber(client, 8_000))).toEqual(range(after + 1, 8_000))
    await publishing
  })

  test('again and again, with breaks wherever they come: each once, in order', async () => {
    const { bus, url } = await roomyApp()
    const seen: number[] = []
    let last = await cursorAt(bus, 0)
    const publishing = (async () => {
      for (let n = 1; n <= 3_000; n += 10) await bus.publishMany(inputs(n, n + 9))
    })()
    for (let take = 1; seen.length < 3_000; take = (take * 7) % 97) {
      const client = await SseClient.open(`${url}/stream`, { 'last-event-id': last })
      for (let taken = 0; taken < take && seen.length < 3_000; ) {
        const frame = await client.next()
        seen.push(...numbersOf([frame]))
        taken += numbersOf([frame]).length
        last = frame.id ?? last
      }
      client.leave()
    }
    await publishing
    expect(seen).toEqual(range(1, 3_000))
  })
})

describe('?format=cloudevents', () => {
  /** The fields of the next message. */
  async function nextFields(client: SseClient): Promise<Record<string, string>> {
    const lines = (await client.nextMessage()).split('\n')
    return Object.fromEntries(lines.map((line) => line.split(/: (.*)/s, 2)))
  }

  test('sends named messages: events as CloudEvents, and where the client is', async () => {
    const { bus, url } = await listeningApp({ module: { heartbeatMs: 100 } })
    await bus.publishMany([input(1), { ...input(2), source: 'a b', target: 't', tags: ['x'] }])
    const [second] = (await bus.list({ limit: 1 })).events
    const client = await SseClient.open(`${url}/stream?format=cloudevents&after=${await cursorAt(bus, 1)}`)
    const first = await nextFields(client)
    expect(first).toMatchObject({
      event: 'checkpoint',
      id: await cursorAt(bus, 1),
      retry: expect.any(String),
    })
    const { event, id, data = '' } = await nextFields(client)
    expect([event, id]).toEqual(['event', await cursorAt(bus, 2)])
    const received = new CloudEvent(JSON.parse(data))
    expect(received.validate()).toBe(true)
    expect(received).toMatchObject({
      id: second?.id,
      type: 'a',
      source: 'a%20b',
      subject: 't',
      time: second?.timestamp,
      data: { n: 2 },
    })
    const cursor = await cursorAt(bus, 2)
    expect(await nextFields(client)).toMatchObject({ event: 'caught_up', data: JSON.stringify({ cursor }) })
    expect(await nextFields(client)).toMatchObject({ event: 'checkpoint', data: JSON.stringify({ cursor }) })
    await bus.stop()
    let last = await nextFields(client)
    while (last.event === 'checkpoint') last = await nextFields(client)
    expect(last).toMatchObject({ event: 'bye', data: JSON.stringify({ reason: 'stopped', cursor }) })
  })
})

describe('what cannot be had', () => {
  test('below what is kept: one gap, then the rest', async () => {
    const { bus, url } = await listeningApp()
    await bus.publishMany(inputs(1, 100))
    const cursor = await cursorAt(bus, 40)
    await bus.clear()
    await bus.publishMany(inputs(101, 103))
    const frames = await (await SseClient.open(`${url}/stream?after=${cursor}`)).until('caught_up')
    expect(frames.map(({ type }) => type)).toEqual([
      'connected',
      'gap',
      'event',
      'event',
      'event',
      'caught_up',
    ])
    expect(frames[1]?.data).toEqual({ from: 41, to: 100, archived: false })
    expect(frames[1]?.id).toBe(await cursorAt(bus, 100))
  })

  test('of another store: one reset, then as if without a cursor', async () => {
    const { bus, url } = await listeningApp()
    await bus.publishMany(inputs(1, 3))
    const headers = { 'last-event-id': 'another.2' }
    const live = await SseClient.open(`${url}/stream`, headers)
    expect(await live.until('caught_up')).toMatchObject([
      { type: 'connected', id: await cursorAt(bus, 3) },
      { type: 'reset', data: { cursor: await cursorAt(bus, 3) } },
      { type: 'caught_up' },
    ])
    const all = await SseClient.open(`${url}/stream?from=beginning`, headers)
    const frames = await all.until('caught_up')
    expect(frames[1]).toMatchObject({ type: 'reset', data: { cursor: await cursorAt(bus, 0) } })
    expect(numbersOf(frames)).toEqual([1, 2, 3])
  })

  test('slower than the events come: told, and all comes from the store', async () => {
    const { bus, url } = await roomyApp()
    const { hostname, port, pathname } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.write(`GET ${pathname}/stream HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    socket.pause()
    const title = 'x'.repeat(500)
    for (let n = 1; n <= 20_000; n += 1_000)
      await bus.publishMany(inputs(n, n + 999).map((event) => ({ ...event, title })))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.resume()
    await expect.poll(() => text.includes('"n":20000}'), { timeout: 20_000 }).toBe(true)
    socket.destroy()
    expect(text).toContain('"type":"fell_behind"')
    expect([...text.matchAll(/"n":(\d+)\}/g)].map(([, n]) => Number(n))).toEqual(range(1, 20_000))
  })
})

describe('bad requests', () => {
  test.each([
    ['after=x', {}, 'after', 'must be a cursor as the stream gave it'],
    ['after=', {}, 'after', 'must be a text that is not empty'],
    ['after=a.1&from=beginning', {}, 'from', 'has no meaning with after'],
    ['from=end', {}, 'from', "must be 'beginning' or 'now'"],
    ['since=yesterday', {}, 'since', 'RFC 3339'],
    ['', { 'last-event-id': 'x' }, 'Last-Event-ID', 'must be a cursor as the stream gave it'],
  ])('?%s %j', async (query, headers, path, message) => {
    const { bus, url } = await listeningApp()
    const response = await fetch(`${url}/stream?${query}`, { headers })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      code: 'EVENTS_INVALID',
      errors: [{ path, message: expect.stringContaining(message) }],
    })
    expect(bus.subscriptions()).toEqual([])
  })

  test('a cursor beyond the end of the log is refused, whichever way it comes', async () => {
    const { bus, url } = await listeningApp()
    await bus.publishMany(inputs(1, 3))
    const cursor = await cursorAt(bus, 4)
    for (const [query, headers, path] of [
      [`after=${cursor}`, {}, 'after'],
      ['', { 'last-event-id': cursor }, 'Last-Event-ID'],
    ] as const) {
      const response = await fetch(`${url}/stream?${query}`, { headers })
      expect(response.status).toBe(400)
      const message = `lies beyond the end of the log, ${await cursorAt(bus, 3)}`
      expect(await response.json()).toMatchObject({ errors: [{ path, message }] })
    }
  })
})

describe('many clients', () => {
  test('a thousand open streams close within moments, each told goodbye', async () => {
    const { app, bus, url } = await listeningApp()
    const clients = await Promise.all(range(1, 1_000).map(() => SseClient.open(`${url}/stream`)))
    await bus.publishMany(inputs(1, 10))
    for (const client of clients) await untilNumber(client, 10)
    const began = performance.now()
    const [, ...endings] = await Promise.all([app.close(), ...clients.map((client) => client.rest())])
    const took = performance.now() - began
    for (const frames of endings) {
      expect(frames).toMatchObject([{ type: 'bye', data: { reason: 'shutdown' } }])
    }
    expect(bus.subscriptions()).toEqual([])
    // The clients of this very process take their share of the time.
    expect(took).toBeLessThan(10_000)
  })
})
