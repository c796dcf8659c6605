import { Readable } from 'node:stream'
import { EventsError, memoryStorage } from '@viewra/events-core'
import { describe, expect, test } from 'vitest'
import { eventsApp, listeningApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'

const URL = '/api/v1/events'

test.each([
  ['POST', '/clear'],
  ['DELETE', ''],
  ['DELETE', '/'],
] as const)('%s %s leaves an event for people and a record, which say who cleared', async (method, path) => {
  const { app, bus } = await eventsApp({ module: { authorize: () => ({ name: 'ada', role: 'admin' }) } })
  await bus.publishMany([1, 2, 3].map(() => ({ type: 'a', source: 'x' })))
  const headers = { 'user-agent': 'admin-page/1.0', 'content-type': 'application/json' }
  const answer = await app.inject({ method, url: URL + path, headers, remoteAddress: '192.0.2.7' })
  expect(answer.json()).toMatchObject({ success: true, deleted: 3 })
  const { events, total } = (await app.inject(URL)).json()
  expect(total).toBe(2)
  expect(events[0]).toMatchObject({
    type: 'audit.events.cleared',
    source: 'user:ada',
    data: { deleted: 3, principal: 'ada', ip: '192.0.2.7', user_agent: 'admin-page/1.0' },
  })
  expect(events[1]).toMatchObject({
    type: 'info',
    source: 'system',
    title: 'Events Cleared',
    message: '3 events were cleared from 192.0.2.7 with admin-page/1.0',
    data: { details: { deleted: 3, principal: 'ada', ip: '192.0.2.7', user_agent: 'admin-page/1.0' } },
  })
})

test('positions go on after clearing', async () => {
  const { app, bus } = await eventsApp()
  await bus.publish({ type: 'a', source: 'x' })
  await app.inject({ method: 'POST', url: `${URL}/clear` })
  expect((await app.inject(URL)).json().events.at(-1).position).toBe(2)
})

test('clearing says so when it could not be recorded', async () => {
  const storage = memoryStorage()
  const { app, bus } = await eventsApp({ bus: { storage, publishTimeoutMs: 30 } })
  await bus.publish({ type: 'a', source: 'x' })
  storage.append = async () => {
    throw new EventsError('EVENTS_STORAGE_FULL', 'no space')
  }
  const answer = await app.inject({ method: 'POST', url: `${URL}/clear` })
  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toEqual({
    message: 'All events cleared, but no record of it could be stored',
    success: true,
    deleted: 1,
  })
})

test('deleting twice is 404 the second time, and deletes nothing else', async () => {
  const { app, bus } = await eventsApp()
  await bus.publishMany([
    { id: 'a', type: 'a', source: 'x' },
    { id: 'b', type: 'a', source: 'x' },
  ])
  const remove = () =>
    app.inject({ method: 'DELETE', url: `${URL}/a`, headers: { 'content-type': 'application/json' } })
  expect((await remove()).statusCode).toBe(200)
  expect((await remove()).json()).toMatchObject({
    code: 'EVENTS_NOT_FOUND',
    detail: expect.stringContaining("'a'"),
  })
  expect(await bus.count({ types: ['a'] })).toBe(1)
})

test('a client that floods the record of a clearing is cut short', async () => {
  const { app } = await eventsApp()
  const headers = { 'user-agent': 'x'.repeat(10_000) }
  const answer = await app.inject({ method: 'POST', url: `${URL}/clear`, headers })
  expect(answer.json().message).toBe('All events cleared successfully')
  expect((await app.inject(URL)).json().events[0].data.user_agent).toHaveLength(256)
})

test.each(['audit.events.cleared', 'audit.event.deleted', 'audit', 'audit.anything'])(
  'nobody publishes %s, by whatever way',
  async (type) => {
    const { app, bus, url } = await listeningApp()
    const event = { type, source: 'user:ada', data: {} }
    const cloudEvent = { specversion: '1.0', id: 'i', source: 'x', type }
    const send = (path: string, contentType: string, body: unknown, headers: Record<string, string> = {}) =>
      app.inject({
        method: 'POST',
        url: URL + path,
        headers: { 'content-type': contentType, ...headers },
        payload: JSON.stringify(body),
      })
    const binary = { 'ce-specversion': '1.0', 'ce-id': 'i', 'ce-source': 'x', 'ce-type': type }
    const answers = await Promise.all([
      send('', 'application/json', event),
      send('/batch', 'application/json', [event]),
      send('/batch', 'application/x-ndjson', event),
      send('', 'application/cloudevents+json', cloudEvent),
      send('/batch', 'application/cloudevents-batch+json', [cloudEvent]),
      send('', 'application/json', {}, binary),
      send('', 'application/json', {}, { ...binary, 'ce-type': type.replace('a', '%61') }),
    ])
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 403))
    const client = await SocketClient.open(url)
    client.send({ type: 'publish', id: '1', event })
    expect(await client.next()).toMatchObject({ type: 'error', code: 'HTTP_FORBIDDEN' })
    expect(await bus.count()).toBe(0)
  },
)

describe('an empty body is none, whatever its content type', () => {
  const types = [
    'application/x-www-form-urlencoded',
    'application/x-ndjson',
    'text/plain;charset=latin1',
    'application/json',
  ]

  test.each([
    ['POST', '/clear', 200],
    ['POST', '/tickets', 201],
    ['POST', '/subscriptions/none/pause', 404],
    ['POST', '/subscriptions/none/resume', 404],
    ['DELETE', '/subscriptions/none', 404],
    ['POST', '/dead-letters/1/retry', 404],
    ['DELETE', '/dead-letters/1', 404],
    ['DELETE', '/none', 404],
    ['DELETE', '/', 200],
  ] as const)('%s %s', async (method, path, status) => {
    const { url } = await listeningApp()
    for (const type of types) {
      for (const chunks of [undefined, []]) {
        const body = chunks && Readable.toWeb(Readable.from(chunks))
        const headers = { 'content-type': type }
        const answer = await fetch(url + path, { method, headers, ...(body && { body, duplex: 'half' }) })
        expect([type, chunks, answer.status]).toEqual([type, chunks, status])
        await answer.text()
      }
    }
  })

  test('and one that is not is refused, in chunks too', async () => {
    const { url } = await listeningApp()
    for (const body of ['x=1', Readable.toWeb(Readable.from([Buffer.from('x=1')]))]) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await fetch(`${url}/clear`, {
        method: 'POST',
        headers,
        body,
        duplex: 'half',
      } as RequestInit)
      expect(answer.status).toBe(415)
      await answer.text()
    }
  })
})
