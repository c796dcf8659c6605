import type { EventBus, Extensions, PublishedEvent } from '@viewra/events-core'
import { describe, expect, test } from 'vitest'
import { listeningApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'
import { SseClient } from './sse-client.ts'

const ID = 'delivery-1'
const TYPE = 'com.github.pull-request.Opened'
const DATA = { action: 'opened', number: 7 }
const EVENT = { id: ID, type: TYPE, source: 'https://github.com/acme/widgets', data: DATA }
const EXTENSIONS = {
  partitionkey: 'acme/widgets, ü 100%',
  dataschema: 'https://example.com/pull%20request.json?v=2#top',
  sampled: true,
  sequence: -7,
  empty: '',
  constructor: 'c',
}
/** Headers have no types. */
const AS_TEXTS = Object.fromEntries(Object.entries(EXTENSIONS).map(([name, value]) => [name, String(value)]))
const CLOUD_EVENT = { specversion: '1.0', ...EVENT, ...EXTENSIONS }

const CE = 'application/cloudevents+json'
const BATCH = 'application/cloudevents-batch+json'

/** Answers have some of these. */
interface Body extends Readonly<Record<string, unknown>> {
  readonly events: readonly PublishedEvent[]
  readonly errors: readonly { readonly path: string; readonly message: string }[]
}

async function bodyOf(answer: Response | Promise<Response>): Promise<Body> {
  // As the OpenAPI document says, against which the app holds its answers.
  return (await (await answer).json()) as Body
}

async function post(url: string, type: string, body: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': type, ...headers }, body })
  return { status: answer.status, errors: (await bodyOf(answer)).errors }
}

async function sendOverSocket(url: string, event: object) {
  const client = await SocketClient.open(url)
  client.send({ type: 'publish', id: '1', event })
  const [answer] = await client.until('ack')
  return { status: answer?.type === 'ack' ? 201 : 400 }
}

function headersOf(attributes: Readonly<Record<string, unknown>>): Record<string, string> {
  const { data: _, ...others } = attributes
  return Object.fromEntries(
    Object.entries(others).map(([name, value]) => [`ce-${name}`, encodeURIComponent(String(value))]),
  )
}

/** The ways to publish, each with what comes out of it. */
const WAYS: Readonly<Record<string, { send(url: string): Promise<{ status: number }>; kept: object }>> = {
  JSON: {
    send: (url) => post(url, 'application/json', JSON.stringify({ ...EVENT, extensions: EXTENSIONS })),
    kept: EXTENSIONS,
  },
  'a batch': {
    send: (url) =>
      post(`${url}/batch`, 'application/json', JSON.stringify([{ ...EVENT, extensions: EXTENSIONS }])),
    kept: EXTENSIONS,
  },
  NDJSON: {
    send: (url) =>
      post(`${url}/batch`, 'application/x-ndjson', JSON.stringify({ ...EVENT, extensions: EXTENSIONS })),
    kept: EXTENSIONS,
  },
  'a WebSocket': {
    send: (url) => sendOverSocket(url, { ...EVENT, extensions: EXTENSIONS }),
    kept: EXTENSIONS,
  },
  'a structured CloudEvent': { send: (url) => post(url, CE, JSON.stringify(CLOUD_EVENT)), kept: EXTENSIONS },
  'a batch of CloudEvents': {
    send: (url) => post(`${url}/batch`, BATCH, JSON.stringify([CLOUD_EVENT])),
    kept: EXTENSIONS,
  },
  'a binary CloudEvent': {
    send: (url) => post(url, 'application/json', JSON.stringify(DATA), headersOf(CLOUD_EVENT)),
    kept: AS_TEXTS,
  },
}

test.each(Object.entries(WAYS))(
  'extensions sent as %s come back the same everywhere',
  async (_, { send, kept }) => {
    const { bus, url } = await listeningApp()
    const streams = await Promise.all(
      ['', '?format=cloudevents'].map((query) => SseClient.open(`${url}/stream${query}`)),
    )
    const socket = await SocketClient.open(url)
    socket.send({ type: 'subscribe', id: 's' })
    await socket.until('caught_up')
    expect(await send(url)).toMatchObject({ status: 201 })

    const asEvent = { ...EVENT, extensions: kept }
    const asCloudEvent = { ...CLOUD_EVENT, ...kept }
    const get = async (path: string, accept = '*/*') =>
      (await fetch(url + path, { headers: { accept } })).json()
    expect(await get(`/${ID}`)).toMatchObject(asEvent)
    expect(await get('')).toMatchObject({ events: [asEvent] })
    expect(await get('/stats')).toMatchObject({ recent_events: [asEvent], events_by_type: { [TYPE]: 1 } })
    expect(await get(`/${ID}`, CE)).toMatchObject(asCloudEvent)
    expect(await get('', BATCH)).toMatchObject([asCloudEvent])
    expect((await socket.until('event')).at(-1)).toMatchObject({ event: asEvent })
    expect((await streams[0]?.until('event'))?.at(-1)).toMatchObject({ data: asEvent })
    expect(await cloudEventIn(streams[1])).toMatchObject(asCloudEvent)
    expect((await bus.get(ID))?.extensions).toStrictEqual(kept)
  },
)

async function cloudEventIn(stream: SseClient | undefined): Promise<unknown> {
  for (;;) {
    const message = await stream?.nextMessage()
    const [, json] = /^event: event\n(?:id: .*\n)?data: (.*)$/.exec(message ?? '') ?? []
    if (json !== undefined) return JSON.parse(json)
  }
}

test('a CloudEvent that was read is published again as it was', async () => {
  const [one, other] = [await listeningApp(), await listeningApp()]
  await one.bus.publish({ ...EVENT, extensions: EXTENSIONS })
  const read = await bodyOf(fetch(`${one.url}/${ID}`, { headers: { accept: CE } }))
  // The store that it goes to gives it others.
  const { position: _, recordedtime: __, ...again } = read
  expect(await post(other.url, CE, JSON.stringify(again))).toMatchObject({ status: 201 })
  const copy = await bodyOf(fetch(`${other.url}/${ID}`, { headers: { accept: CE } }))
  expect(copy).toEqual({ ...read, recordedtime: copy.recordedtime })
})

test.each([
  ['https://example.com/a%2520b', 'https://example.com/a%20b'],
  ['https://example.com/a%20b', 'https://example.com/a%20b'],
  ['https://example.com/100%25', 'https://example.com/100%25'],
  ['https://example.com/%C3%A9', 'https://example.com/%C3%A9'],
  ['"urn:a"', 'urn:a'],
])('a schema in a header, %s, is the URI %s, encoded or not', async (header, dataschema) => {
  const { bus, url } = await listeningApp()
  const headers = { ...headersOf({ specversion: '1.0', ...EVENT }), 'ce-dataschema': header }
  expect(await post(url, 'application/json', '{}', headers)).toMatchObject({ status: 201 })
  expect((await bus.get(ID))?.extensions).toEqual({ dataschema })
})

test('extensions that are null count as absent', async () => {
  const { bus, url } = await listeningApp()
  const some = { ...EVENT, extensions: { partitionkey: null, sequence: 1 } }
  const none = { ...EVENT, id: 'none', extensions: { partitionkey: null } }
  const cloudEvents = [some, none].map(({ extensions, id, ...event }) => ({
    specversion: '1.0',
    ...event,
    id: `cloud-${id}`,
    ...extensions,
  }))
  await post(url, 'application/json', JSON.stringify(some))
  await post(`${url}/batch`, BATCH, JSON.stringify(cloudEvents))
  const client = await SocketClient.open(url)
  client.socket.send(JSON.stringify({ type: 'publish', event: none }))
  await client.until('ack')
  const extensionsOf = async (id: string) => (await bus.get(id))?.extensions
  for (const prefix of ['', 'cloud-']) {
    expect(await extensionsOf(prefix + ID)).toEqual({ sequence: 1 })
    expect(await bus.get(`${prefix}none`)).not.toHaveProperty('extensions')
  }
})

describe('what cannot be an extension is refused by its name', () => {
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`n${index}`, 'a']))
  const cases: [string, Readonly<Record<string, unknown>>, string, RegExp][] = [
    ['a name with capitals', { partitionKey: 'a' }, 'partitionKey', /1 to 20 lower-case letters and digits/],
    ['a name of 21 characters', { ['x'.repeat(21)]: 'a' }, 'x'.repeat(21), /1 to 20 lower-case/],
    ['a name with dots', { 'a.b': 'a' }, 'a.b', /1 to 20 lower-case/],
    ['an empty name', { '': 'a' }, '', /1 to 20 lower-case/],
    ['an object', { a: {} }, 'a', /a string, a boolean or a 32-bit integer, not an object/],
    ['an array', { a: ['b'] }, 'a', /a string, a boolean or a 32-bit integer, not an array of 1/],
    ['a fraction', { a: 1.5 }, 'a', /a string, a boolean or a 32-bit integer, not 1.5/],
    ['an integer of 33 bits', { a: 2 ** 31 }, 'a', /a 32-bit integer, not 2147483648/],
    ['a long text', { a: 'x'.repeat(1_025) }, 'a', /at most 1024 characters/],
    ['a schema that is no text', { dataschema: 5 }, 'dataschema', /a string of 1 to 1024 characters/],
  ]

  test.each(cases)('%s', async (_, extensions, name, message) => {
    const { bus, url } = await listeningApp()
    const ownPath = `extensions.${name}`
    const refused = (path: string) => ({
      status: 400,
      errors: [{ path, message: expect.stringMatching(message) }],
    })
    const event = JSON.stringify({ ...EVENT, extensions })
    const cloudEvent = JSON.stringify({ specversion: '1.0', ...EVENT, ...extensions })
    expect(await post(url, 'application/json', event)).toEqual(refused(ownPath))
    expect(await post(`${url}/batch`, 'application/x-ndjson', event)).toEqual(refused(`0.${ownPath}`))
    expect(await post(url, CE, cloudEvent)).toEqual(refused(name))
    expect(await post(`${url}/batch`, BATCH, `[${cloudEvent}]`)).toEqual(refused(`0.${name}`))
    expect(await bus.count()).toBe(0)
  })

  test('an attribute that a field carries, or that every CloudEvent has', async () => {
    const { url } = await listeningApp()
    for (const name of ['subject', 'data', 'position', 'specversion', 'datacontenttype']) {
      const event = JSON.stringify({ ...EVENT, extensions: { [name]: 'a' } })
      const { status, errors } = await post(url, 'application/json', event)
      expect([status, errors[0]?.path]).toEqual([400, `extensions.${name}`])
    }
  })

  test('more than 32', async () => {
    const { url } = await listeningApp()
    const message = 'must be at most 32, not 33'
    const event = JSON.stringify({ ...EVENT, extensions: many })
    const cloudEvent = { specversion: '1.0', ...EVENT, ...many }
    const refused = { status: 400, errors: [{ path: 'extensions', message }] }
    expect(await post(url, 'application/json', event)).toEqual(refused)
    expect(await post(url, CE, JSON.stringify(cloudEvent))).toEqual(refused)
    expect(await post(url, 'application/json', '{}', headersOf(cloudEvent))).toEqual(refused)
  })

  test.each(['ce-__proto__', 'ce-partition_key', `ce-${'x'.repeat(21)}`])('the header %s', async (header) => {
    const { url } = await listeningApp()
    const headers = { ...headersOf({ specversion: '1.0', ...EVENT }), [header]: 'a' }
    const { status, errors } = await post(url, 'application/json', '{}', headers)
    expect([status, errors[0]?.path]).toEqual([400, header.slice('ce-'.length)])
  })

  test('over a WebSocket', async () => {
    const { url } = await listeningApp()
    const client = await SocketClient.open(url)
    const extensions = { partitionKey: 'a' }
    client.send({ type: 'publish', id: '1', event: { ...EVENT, extensions } })
    expect(await client.next()).toMatchObject({
      type: 'error',
      errors: [{ path: 'extensions.partitionKey' }],
    })
    client.send({ type: 'subscribe', id: '2', filter: { extensions } })
    expect(await client.next()).toMatchObject({
      type: 'error',
      errors: [{ path: 'extensions.partitionKey' }],
    })
    client.socket.send('{"type":"subscribe","id":"3","filter":{"extensions":{"a":null}}}')
    expect(await client.next()).toMatchObject({ type: 'error', errors: [{ path: 'filter.extensions.a' }] })
  })
})

describe('events are selected by their extensions', () => {
  const HAVING: readonly (Extensions | undefined)[] = [
    { partitionkey: 'a', sequence: 5 },
    { partitionkey: 'a b', sequence: '5', sampled: true },
    { partitionkey: '', sampled: 'false', constructor: 'x' },
    { dataschema: 'https://example.com/s?v=1&w=2' },
    undefined,
  ]

  async function appWithEvents(): Promise<{ readonly bus: EventBus; readonly url: string }> {
    const { bus, url } = await listeningApp()
    const inputs = HAVING.map((extensions, index) => ({
      id: `${index}`,
      type: TYPE,
      source: 'x',
      ...(extensions && { extensions }),
    }))
    await bus.publishMany(inputs)
    return { bus, url }
  }

  test.each([
    ['ext.partitionkey=a', '0'],
    ['ext[partitionkey]=a', '0'],
    ['ext%5Bpartitionkey%5D=a%20b', '1'],
    ['ext.sequence=5', '01'],
    ['ext.sequence=5&ext[sampled]=true', '1'],
    ['ext.sequence=5&type=com.github.*&ext.partitionkey=a', '0'],
    ['ext.sampled=false', '2'],
    ['ext.partitionkey=', '2'],
    ['ext.constructor=x', '2'],
    ['ext.constructor=y', ''],
    ['ext.sequence=05', ''],
    [`ext.dataschema=${encodeURIComponent('https://example.com/s?v=1&w=2')}`, '3'],
    ['ext.partitionkey=a,b', ''],
  ])('%s', async (query, expected) => {
    const { url } = await appWithEvents()
    const range = 'start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z'
    for (const path of [`?order=asc&${query}`, `/range?order=asc&${range}&${query}`]) {
      const page = await bodyOf(fetch(url + path))
      expect(page.events.map(({ id }) => id).join('')).toBe(expected)
      expect(page.total).toBe(expected.length)
    }
    if (expected === '') return
    const stream = await SseClient.open(`${url}/stream?from=beginning&${query}`)
    for (const id of expected) expect((await stream.until('event')).at(-1)?.data.id).toBe(id)
  })

  test('over a WebSocket, in history and live, as the subscription says of itself', async () => {
    const { bus, url } = await appWithEvents()
    const filter = { types: ['com.github.*'], extensions: { sequence: 5 } }
    const socket = await SocketClient.open(url)
    socket.send({ type: 'subscribe', id: 's', filter, from: 'beginning' })
    const history = (await socket.until('caught_up')).filter(({ type }) => type === 'event')
    expect(history).toMatchObject([{ event: { id: '0' } }, { event: { id: '1' } }])
    await bus.publish({ id: 'other', type: TYPE, source: 'x', extensions: { sequence: 6 } })
    await bus.publish({ id: 'live', type: TYPE, source: 'x', extensions: { sequence: '5' } })
    expect(await socket.next()).toMatchObject({ event: { id: 'live' } })
    const { subscriptions } = await bodyOf(fetch(`${url}/subscriptions`))
    expect(subscriptions).toMatchObject([{ filter }])
  })

  test('a stream says which', async () => {
    const { url } = await appWithEvents()
    const stream = await SseClient.open(`${url}/stream?ext.partitionkey=a&ext[sequence]=5`)
    const { data } = await stream.next()
    expect(data.filter).toEqual({ extensions: { partitionkey: 'a', sequence: '5' } })
  })

  test.each([
    ['ext.a=1&ext.a=2', 'ext.a', /given once, not 2 times/],
    ['ext.a=1&ext[a]=2', 'ext[a]', /given once, not as ext.a too/],
    ['ext.A=1', 'ext.A', /lower-case letters and digits/],
    ['ext.=1', 'ext.', /lower-case letters and digits/],
    ['ext.__proto__=1', 'ext.__proto__', /lower-case letters and digits/],
    ['ext.a.b=1', 'ext.a.b', /must be ext.<name> or ext\[<name>\]/],
    ['ext[a][b]=1', 'ext[a][b]', /must be ext.<name> or ext\[<name>\]/],
    ['ext[a=1', 'ext[a', /must be ext.<name> or ext\[<name>\]/],
    ['ext=1', 'ext', /given by its names, as ext.<name>=<value>/],
    ['ext=1&ext.a=1', 'ext', /given by its names/],
    ['data=1&data.a=1', 'data', /given by its fields/],
    ['ext.subject=a', 'ext.subject', /event's field target/],
    ['ext.dataschema=', 'ext.dataschema', /a string of 1 to 1024/],
    [`ext.a=${'x'.repeat(1_025)}`, 'ext.a', /at most 1024 characters/],
    ['extensions.a=1', 'extensions.a', /is not a parameter here/],
    [Array.from({ length: 33 }, (_, index) => `ext.n${index}=1`).join('&'), 'ext', /at most 32, not 33/],
  ])('%s is refused', async (query, path, message) => {
    const { url } = await appWithEvents()
    for (const at of ['', '/stream']) {
      const answer = await fetch(`${url}${at}?${query}`)
      expect([answer.status, (await bodyOf(answer)).errors]).toEqual([
        400,
        [{ path, message: expect.stringMatching(message) }],
      ])
    }
  })

  test('a cursor is of its extensions', async () => {
    const { url } = await appWithEvents()
    const { next_cursor } = await bodyOf(fetch(`${url}?ext.sequence=5&limit=1&order=asc`))
    const next = (query: string) => fetch(`${url}?${query}&limit=1&order=asc&cursor=${next_cursor}`)
    expect(await bodyOf(next('ext[sequence]=5'))).toMatchObject({ events: [{ id: '1' }] })
    for (const other of ['ext.sequence=6', 'ext.sequence=5&ext.sampled=true', 'type=*'])
      expect((await bodyOf(next(other))).errors).toMatchObject([{ path: 'cursor' }])
  })

  test('the link to the next page has them', async () => {
    const { url } = await appWithEvents()
    const answer = await fetch(`${url}?ext.sequence=5&ext[partitionkey]=&limit=1`)
    expect(answer.headers.get('link')).toBeNull()
    const first = await fetch(`${url}?ext[sequence]=5&limit=1&order=asc`)
    const [, query = ''] = /^<(.*)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? []
    expect(await bodyOf(fetch(url + query))).toMatchObject({ events: [{ id: '1' }] })
  })
})
