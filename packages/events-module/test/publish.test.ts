import { request as httpRequest } from 'node:http'
import { describe, expect, test } from 'vitest'
import { eventsApp, listeningApp } from './events-app.ts'
import { storageThatWaits } from './storage-that-waits.ts'

const URL = '/api/v1/events'

describe('an event comes back as it was sent', () => {
  const full = {
    id: 'mine',
    type: 'order.paid',
    source: 'shop',
    target: 'user:7',
    title: 'Überwiesen – 支払い済み 🎉',
    message: 'line\r\nbreak\u2028\u0000"quoted"',
    data: {
      unicode: '👩‍👩‍👧‍👦\ud83d',
      numbers: [0, -1.5, 1e21, 5e-324, Number.MAX_SAFE_INTEGER],
      nested: { null: null, empty: {}, list: [[], [{}]], true: true },
      toString: 'text',
      constructor: 'text',
      '': 'empty key',
      'a.b/c~d': 1,
    },
    priority: 0,
    tags: ['a,b', 'ü'],
    timestamp: '2024-02-29T23:59:59.123Z',
    ttl: 3_153_600_000_000,
    correlation_id: 'c',
    causation_id: 'd',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  }

  test('with every field, by id and in lists', async () => {
    const { app } = await eventsApp()
    const answer = await app.inject({ method: 'POST', url: URL, payload: full })
    expect(answer.json()).toEqual({
      message: 'Event published successfully',
      event_id: 'mine',
      position: 1,
      duplicate: false,
    })
    const expected = { ...full, position: 1, recorded_at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/) }
    expect((await app.inject(`${URL}/mine`)).json()).toEqual(expected)
    expect((await app.inject(URL)).json().events).toEqual([expected])
    expect((await app.inject(`${URL}/stats`)).json().recent_events).toEqual([expected])
  })

  test('with defaults for what was left out, and no field that it has not', async () => {
    const { app } = await eventsApp()
    const { event_id } = (
      await app.inject({ method: 'POST', url: URL, payload: { type: 'a', source: 'x' } })
    ).json()
    expect((await app.inject(`${URL}/${event_id}`)).json()).toEqual({
      id: event_id,
      type: 'a',
      source: 'x',
      target: '',
      title: '',
      message: '',
      data: {},
      priority: 5,
      tags: [],
      timestamp: expect.any(String),
      position: 1,
      recorded_at: expect.any(String),
    })
  })

  test('with a key that sets prototypes, when it was published in process', async () => {
    const { app, bus } = await eventsApp()
    const data = JSON.parse('{"__proto__":{"polluted":true},"deep":{"__proto__":1}}')
    await bus.publish({ id: 'p', type: 'a', source: 'x', data })
    expect((await app.inject(`${URL}/p`)).body).toContain(
      '"data":{"__proto__":{"polluted":true},"deep":{"__proto__":1}}',
    )
  })

  test('in the bytes that it was sent in', async () => {
    const { app } = await eventsApp()
    const payload = Buffer.from('\ufeff  {"type":"a","source":"\\u00fc\\ud83c\\udfac","data":{"x":"é"}}\n')
    const headers = { 'content-type': 'Application/JSON; charset=UTF-8' }
    const { event_id } = (await app.inject({ method: 'POST', url: `${URL}/`, headers, payload })).json()
    expect((await app.inject(`${URL}/${event_id}`)).json()).toMatchObject({ source: 'ü🎬', data: { x: 'é' } })
  })
})

test('an id that was published before is answered as a duplicate, and nothing is stored', async () => {
  const { app, bus } = await eventsApp()
  const payload = { id: 'mine', type: 'a', source: 'x' }
  await app.inject({ method: 'POST', url: URL, payload })
  const again = await app.inject({ method: 'POST', url: URL, payload: { ...payload, source: 'y' } })
  expect(again.statusCode).toBe(201)
  expect(again.json()).toMatchObject({ event_id: 'mine', position: 1, duplicate: true })
  expect(await bus.count()).toBe(1)
})

test('an event that is live only has no position', async () => {
  const { app } = await eventsApp({ bus: { persist: 'none' } })
  const answer = await app.inject({ method: 'POST', url: URL, payload: { type: 'a', source: 'x' } })
  expect(answer.statusCode).toBe(201)
  expect(Object.keys(answer.json())).toEqual(['message', 'event_id', 'duplicate'])
})

test('an event that waits is withdrawn when its publisher has gone', async () => {
  const { storage, release, stuck } = storageThatWaits()
  const { bus, url } = await listeningApp({ bus: { storage } })
  const first = bus.publish({ type: 'a', source: 'x' })
  await stuck
  const request = httpRequest(url, { method: 'POST', headers: { 'content-type': 'application/json' } })
  request.on('error', () => undefined)
  request.end('{"type":"b","source":"x"}')
  const waiting = async () => (await bus.health()).checks.buffer.events
  await expect.poll(waiting).toBe(2)
  request.destroy()
  await expect.poll(waiting).toBe(1)
  release()
  await first
  expect(await bus.count()).toBe(1)
})

test('an id that is a path of the API is refused, whichever path it is', async () => {
  const words = new Set<string>()
  const { app, bus } = await eventsApp({
    host: (host) => {
      host.addHook('onRoute', ({ url }) => {
        const [, word = ''] = url.slice(URL.length).split('/')
        if (/^\w/.test(word)) words.add(word)
      })
    },
  })
  expect(words.size).toBeGreaterThan(5)
  for (const id of [...words, '.', '..']) {
    const answer = await app.inject({ method: 'POST', url: URL, payload: { type: 'a', source: 'x', id } })
    expect([id, answer.statusCode, answer.json().errors?.[0]?.path]).toEqual([id, 400, 'id'])
  }
  expect(await bus.count()).toBe(0)
})
