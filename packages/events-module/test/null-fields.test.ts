import { expect, test } from 'vitest'
import { EventInputSchema } from '../src/http/event-schema.ts'
import { eventsApp, listeningApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'

const PATH = '/api/v1/events'
const REQUIRED = { type: 'a', source: 'x' }
/** As clients of the older service send it: null for all that the event has not. */
const NULLS = {
  ...Object.fromEntries(Object.keys(EventInputSchema.properties).map((name) => [name, null])),
  ...REQUIRED,
}
const DEFAULTS = { ...REQUIRED, target: '', title: '', message: '', data: {}, priority: 5, tags: [] }

test('optional fields that are null count as absent, in each form of publishing', async () => {
  const { app, bus } = await eventsApp()
  const post = (path: string, type: string, body: unknown) =>
    app.inject({
      method: 'POST',
      url: PATH + path,
      headers: { 'content-type': type },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const attributes = { subject: null, time: null, data: null, title: null, tags: null, priority: null }
  const cloudEvent = (id: string) => ({ ...attributes, specversion: '1.0', id, ...REQUIRED })
  const answers = [
    await post('', 'application/json', NULLS),
    await post('/batch', 'application/json', [NULLS, NULLS]),
    await post('/batch', 'application/x-ndjson', `${JSON.stringify(NULLS)}\n${JSON.stringify(NULLS)}\n`),
    await post('', 'application/cloudevents+json', cloudEvent('1')),
    await post('/batch', 'application/cloudevents-batch+json', [cloudEvent('2')]),
  ]
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 201))
  const { events } = await bus.list({ limit: 10 })
  expect(events).toHaveLength(7)
  for (const event of events) {
    expect(event).toMatchObject(DEFAULTS)
    expect(event).not.toHaveProperty('ttl')
  }
})

test('the same over a WebSocket', async () => {
  const { bus, url } = await listeningApp()
  const client = await SocketClient.open(url)
  client.socket.send(JSON.stringify({ type: 'publish', id: '1', event: NULLS }))
  expect(await client.next()).toMatchObject({ type: 'ack', id: '1' })
  expect((await bus.list({ limit: 10 })).events).toMatchObject([DEFAULTS])
})

test('null within data is a value, and in process null is refused for any field', async () => {
  const { app, bus } = await eventsApp()
  const payload = { ...REQUIRED, id: 'e', data: { n: null } }
  expect((await app.inject({ method: 'POST', url: PATH, payload })).statusCode).toBe(201)
  expect((await bus.get('e'))?.data).toEqual({ n: null })
  for (const name of Object.keys(DEFAULTS)) {
    // What a caller without types may pass.
    const published = bus.publish({ ...REQUIRED, [name]: null } as never)
    await expect(published, name).rejects.toMatchObject({ code: 'EVENTS_INVALID' })
  }
})
