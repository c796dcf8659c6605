import { once } from 'node:events'
import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from 'cloudevents'
import { describe, expect, test } from 'vitest'
import { eventsApp, listeningApp } from './events-app.ts'

const URL = '/api/v1/events'
const STRUCTURED = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
const BATCHED = { 'content-type': 'application/cloudevents-batch+json' }

const SENT = {
  id: 'from the sdk',
  source: 'https://example.com/shop?a=b',
  type: 'order.paid',
  time: '2024-02-29T23:59:59.123Z',
  subject: 'user:7',
  data: { total: 5 },
  priority: 10,
  tags: 'a,b\\,c',
}
const KEPT = {
  id: 'from the sdk',
  source: 'https://example.com/shop?a=b',
  type: 'order.paid',
  timestamp: '2024-02-29T23:59:59.123Z',
  target: 'user:7',
  data: { total: 5 },
  priority: 10,
  tags: ['a', 'b,c'],
}

describe('the official SDK', () => {
  test.each([Mode.BINARY, Mode.STRUCTURED])('sends events, %s', async (mode) => {
    const { bus, url } = await listeningApp()
    const send = emitterFor(httpTransport(url), { mode })
    await send(new CloudEvent({ ...SENT, datacontenttype: 'application/json' }))
    expect(await bus.get(SENT.id)).toMatchObject(KEPT)
  })

  test.each([
    [Mode.BINARY, { sampled: 'true', sequence: '7' }],
    [Mode.STRUCTURED, { sampled: true, sequence: 7 }],
  ])('sends extensions and gets them back, %s', async (mode, typed) => {
    const { bus, url } = await listeningApp()
    const texts = {
      dataschema: 'https://example.com/a%20b#c',
      partitionkey: 'a b',
      empty: '',
    }
    const event = new CloudEvent({
      ...SENT,
      datacontenttype: 'application/json',
      ...texts,
      sampled: true,
      sequence: 7,
    })
    await emitterFor(httpTransport(url), { mode })(event)
    expect((await bus.get(SENT.id))?.extensions).toEqual({ ...texts, ...typed })
    const accept = 'application/cloudevents-batch+json'
    const answer = await fetch(`${url}?ext.sequence=7`, { headers: { accept } })
    const parsed = HTTP.toEvent({ headers: headersOf(answer), body: await answer.text() })
    expect(parsed).toMatchObject([{ ...SENT, ...texts, ...typed }])
    for (const one of [parsed].flat()) expect(() => new CloudEvent(one)).not.toThrow()
  })

  test('parses one event', async () => {
    const { bus, url } = await listeningApp()
    await bus.publish({ ...KEPT, source: 'my shop', title: 'Ü' })
    const answer = await fetch(`${url}/${encodeURIComponent(SENT.id)}`, {
      headers: { accept: 'application/cloudevents+json' },
    })
    const parsed = HTTP.toEvent({ headers: headersOf(answer), body: await answer.text() })
    expect(parsed).toMatchObject({ ...SENT, source: 'my%20shop', title: 'Ü', position: '1' })
  })

  test('parses a page', async () => {
    const { bus, url } = await listeningApp()
    await bus.publishMany([KEPT, { type: 'a', source: 'x' }])
    const answer = await fetch(`${url}?limit=2&order=asc`, {
      headers: { accept: 'application/cloudevents-batch+json' },
    })
    const parsed = HTTP.toEvent({ headers: headersOf(answer), body: await answer.text() })
    expect(parsed).toMatchObject([SENT, { type: 'a', source: 'x', position: '2' }])
  })
})

/** As the SDK knows them: it looks the content type up as a whole. */
function headersOf(answer: Response): Record<string, string> {
  return { 'content-type': answer.headers.get('content-type')?.split(';', 1).join() ?? '' }
}

test('a batch of CloudEvents is stored, or none of it', async () => {
  const { app, bus } = await eventsApp()
  const event = { specversion: '1.0', id: 'a', source: 'x', type: 'a' }
  const post = async (payload: unknown) =>
    app.inject({ method: 'POST', url: `${URL}/batch`, headers: BATCHED, payload: JSON.stringify(payload) })
  const refused = await post([event, { ...event, id: 'b', type: 'A!', subject: 'x'.repeat(300) }])
  expect(refused.json().errors).toEqual([
    { path: '1.type', message: expect.any(String) },
    { path: '1.subject', message: expect.any(String) },
  ])
  const foreign = await post([event, { ...event, data_base64: 'AAAA' }, 5])
  expect(foreign.json().errors.map(({ path }: { path: string }) => path)).toEqual(['1.data_base64', '2'])
  expect((await post([])).statusCode).toBe(400)
  expect((await post(event)).statusCode).toBe(400)
  expect(await bus.count()).toBe(0)
  expect((await post([event, { ...event, id: 'b' }])).json()).toMatchObject({ count: 2 })
})

describe('in headers', () => {
  const HEADERS = { 'ce-specversion': '1.0', 'ce-id': 'a', 'ce-source': 'x', 'ce-type': 'a' }
  const post = async (headers: Record<string, string>, payload: string | object = {}) => {
    const { app, bus } = await eventsApp()
    const type = { 'content-type': 'application/json' }
    const answer = await app.inject({
      method: 'POST',
      url: URL,
      headers: { ...type, ...HEADERS, ...headers },
      payload,
    })
    return { answer, event: await bus.get('a') }
  }

  test.each([
    ['"in quotes"', 'in quotes'],
    ['"a \\"word\\" and a \\\\ in quotes, 100%25"', 'a "word" and a \\ in quotes, 100%'],
    ['5" disk', '5" disk'],
    ['50% caf%C3%A9', '50% café'],
    ['%22kept%22', '"kept"'],
    ['""', ''],
  ])('the value %s is read as %s', async (header, title) => {
    const { event } = await post({ 'ce-title': header }, '')
    expect(event).toMatchObject({ title })
  })

  test('values are percent-encoded', async () => {
    const { event } = await post({
      'ce-title': '%C3%9C 100%25',
      'ce-message': '50% done',
      'ce-source': '/a%20b',
    })
    expect(event).toMatchObject({ title: 'Ü 100%', message: '50% done', source: '/a b' })
  })

  test('numbers are texts, and a missing body is no data', async () => {
    const { event } = await post({ 'ce-priority': '7', 'ce-ttl': '3000000000000' }, '')
    expect(event).toMatchObject({ priority: 7, ttl: 3_000_000_000_000, data: {} })
  })

  test.each([
    ['ce-specversion', '0.3', 'specversion'],
    ['ce-type', 'A!', 'type'],
    ['ce-time', 'now', 'time'],
    ['ce-correlationid', 'x'.repeat(200), 'correlationid'],
    ['ce-partition-key', 'x', 'partition-key'],
    ['ce-data', 'x', 'data'],
    ['ce-title', 'Ü', 'title'],
    ['ce-title', '%ff', 'title'],
    ['ce-title', 'caf%C3', 'title'],
  ])('%s: %s is refused', async (header, value, path) => {
    const { answer, event } = await post({ [header]: value })
    expect([answer.statusCode, answer.json().errors[0].path]).toEqual([400, path])
    expect(event).toBeUndefined()
  })

  test('an attribute in two headers is refused: nobody sent both values as one', async () => {
    const { bus, url } = await listeningApp()
    const send = async (values: string[]) => {
      const headers = { 'content-type': 'application/json', ...HEADERS, 'CE-PartitionKey': values }
      const [response] = await once(request(url, { method: 'POST', headers }).end('{}'), 'response')
      return json(response)
    }
    expect(await send(['a', 'b'])).toMatchObject({
      status: 400,
      errors: [{ path: 'partitionkey', message: 'must be given in one header' }],
    })
    expect(await send(['a'])).toMatchObject({ event_id: 'a' })
    expect((await bus.get('a'))?.extensions).toEqual({ partitionkey: 'a' })
  })

  test('an event cannot be something else than an object', async () => {
    const { answer } = await post({}, '[1]')
    expect(answer.json().errors).toEqual([{ path: 'data', message: 'must be a JSON object' }])
  })
})

test.each(['null', '[]', '5', ''])('a structured event that is %j is refused', async (payload) => {
  const { app } = await eventsApp()
  const answer = await app.inject({ method: 'POST', url: URL, headers: STRUCTURED, payload })
  expect(answer.statusCode).toBe(400)
})

describe('what is answered follows Accept', () => {
  const CE = 'application/cloudevents+json'
  const BATCH = 'application/cloudevents-batch+json'
  test.each([
    ['/a', undefined, 'application/json'],
    ['/a', '*/*', 'application/json'],
    ['/a', 'text/html', 'application/json'],
    ['/a', CE, CE],
    ['/a', `application/json;q=0.5, ${CE}`, CE],
    ['/a', `application/json, ${CE};q=0.5`, 'application/json'],
    ['/a', `${CE};q=0`, 'application/json'],
    ['', BATCH, BATCH],
    ['', CE, 'application/json'],
    ['/range?start=2000-01-01T00:00:00Z&end=9999-01-01T00:00:00Z', BATCH, BATCH],
  ])('%s with %s', async (path, accept, type) => {
    const { app, bus } = await eventsApp()
    await bus.publish({ id: 'a', type: 'a', source: 'x' })
    const headers = accept === undefined ? {} : { accept }
    const answer = await app.inject({ url: URL + path, headers })
    expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`)
    expect(answer.headers.vary).toBe('Accept')
    expect(JSON.stringify(answer.json()).includes('specversion')).toBe(type !== 'application/json')
  })
})
