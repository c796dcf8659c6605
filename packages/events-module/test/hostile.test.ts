import { once } from 'node:events'
import { connect } from 'node:net'
import type { EventBus } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { eventsApp, listeningApp } from './events-app.ts'
import { listRoutes } from './route-list.ts'
import { SseClient } from './sse-client.ts'

const URL_PATH = '/api/v1/events'
const EVENT = '"type":"a","source":"x"'

const publishText = (app: FastifyInstance, payload: string | Buffer) =>
  app.inject({ method: 'POST', url: URL_PATH, headers: { 'content-type': 'application/json' }, payload })

/** Bytes over a socket, and all that comes back until the server hangs up or `isDone` says that it is enough. */
async function exchange(url: string, bytes: string, isDone: (text: string) => boolean): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
  socket.on('error', () => undefined)
  socket.setEncoding('latin1').write(Buffer.from(bytes, 'latin1'))
  let text = ''
  socket.on('data', (part: string) => {
    text += part
    if (isDone(text)) socket.destroy()
  })
  await once(socket, 'close')
  return text
}

const head = (method: string, path: string, lines: readonly string[] = []) =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...lines, '', ''].join('\r\n')
const JSON_TYPE = 'Content-Type: application/json'
const statusesOf = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status))
const answered = (count: number) => (text: string) =>
  statusesOf(text).length >= count && /[}\]]\s*$/.test(text)

async function nothingLeft(app: FastifyInstance, bus: EventBus): Promise<void> {
  await expect.poll(() => bus.subscriptions()).toEqual([])
  const open = () => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
  await expect.poll(open).toBe(0)
}

describe('what an event has cannot break out of a stream', () => {
  const HOSTILE = [
    'a\nevent: bye\ndata: {}\n\n',
    'a\r\n\r\nid: 0.0\r\n\r\n',
    'a\rdata: x',
    'a\u2028b\u2029c',
    'a\u0085b',
    '\0',
  ]

  test.each(['events', 'cloudevents'])('format=%s', async (format) => {
    const { app, bus, url } = await listeningApp()
    const client = await SseClient.open(`${url}/stream?from=beginning&format=${format}`)
    const fields = (text: string) => ({
      title: text,
      message: text,
      target: text,
      tags: [text],
      data: { [text]: text },
    })
    await bus.publishMany(HOSTILE.map((text) => ({ type: 'a', source: `x${text}`, ...fields(text) })))
    const events: string[] = []
    while (events.length < HOSTILE.length) {
      const message = await client.nextMessage()
      if (/"title":/.test(message)) events.push(message)
    }
    for (const [index, message] of events.entries()) {
      const names = message
        .split(/\r\n|\r|\n/)
        .filter((line) => line !== '')
        .map((line) => line.split(':', 1)[0])
      expect(names).toEqual(format === 'events' ? ['id', 'data'] : ['event', 'id', 'data'])
      const [, data = ''] = /^data: ([^\r\n]*)$/m.exec(message) ?? []
      const { data: inner, ...frame } = JSON.parse(data)
      expect(format === 'events' ? inner.title : frame.title).toBe(HOSTILE[index])
    }
    client.leave()
    await nothingLeft(app, bus)
  })
})

describe('prototypes stay as they are', () => {
  const POISON = ['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}']
  const around = (depth: number, inner: string) => `${'{"a":['.repeat(depth)}${inner}${']}'.repeat(depth)}`

  test.each(POISON.flatMap((poison) => [0, 1, 30].map((depth) => [poison, depth] as const)))(
    '%s in data at depth %i',
    async (poison, depth) => {
      const { app, bus } = await eventsApp()
      const names = Object.getOwnPropertyNames(Object.prototype)
      for (const body of [`{${EVENT},"data":${around(depth, poison)}}`, around(depth, poison)]) {
        expect((await publishText(app, body)).statusCode).toBe(400)
        const payload = `[{${EVENT}},${body}]`
        const headers = { 'content-type': 'application/json' }
        const batch = await app.inject({ method: 'POST', url: `${URL_PATH}/batch`, headers, payload })
        expect(batch.statusCode).toBe(400)
      }
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(names)
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
      expect(await bus.count()).toBe(0)
    },
  )

  test('a type or source that is called like one of Object’s own is counted as any other', async () => {
    const { app, bus } = await eventsApp()
    await bus.publishMany(['__proto__', 'constructor'].map((source) => ({ type: 'constructor', source })))
    const text = (await app.inject(`${URL_PATH}/stats`)).body
    expect(text).toContain('"constructor":2')
    expect(text).toContain('"__proto__":1')
  })
})

describe('ids that look like paths', () => {
  test.each(['../stats', '../../../etc/passwd', 'a/b', '%2e%2e%2f', '%', '?x=1', '#a', 'a b', '\\..\\'])(
    '%s is an id like any other',
    async (id) => {
      const { app, bus } = await eventsApp()
      await bus.publish({ id, type: 'a', source: 'x' })
      const url = `${URL_PATH}/${encodeURIComponent(id).replaceAll('.', '%2e')}`
      expect((await app.inject(url)).json().id).toBe(id)
      expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(200)
      expect(await bus.get(id)).toBeUndefined()
    },
  )

  test.each(['.', '..'])('%s alone is none: it would vanish from a URL', async (id) => {
    const { app, bus } = await eventsApp()
    expect((await publishText(app, `{${EVENT},"id":"${id}"}`)).json().errors[0].path).toBe('id')
    expect(await bus.count()).toBe(0)
  })

  test('a path with dots in it reaches nothing else', async () => {
    const { app, bus, url } = await listeningApp()
    for (const path of [
      '/../healthz',
      '/docs/../stats',
      '/docs/static/..%2f..%2f..%2fpackage.json',
      '/./stats',
      '//stats',
    ]) {
      const text = await exchange(url, head('GET', URL_PATH + path, ['Connection: close']), () => false)
      expect(statusesOf(text), path).toEqual([404])
    }
    await nothingLeft(app, bus)
  })
})

describe('text that is not what it should be', () => {
  test.each(['ff', 'c328', 'eda080', 'f888808080', 'c080'])(
    'a body with the bytes %s is refused',
    async (hex) => {
      const { app, bus } = await eventsApp()
      const body = Buffer.concat([
        Buffer.from(`{${EVENT},"title":"`),
        Buffer.from(hex, 'hex'),
        Buffer.from('"}'),
      ])
      expect((await publishText(app, body)).json().code).toBe('HTTP_BAD_JSON')
      expect(await bus.count()).toBe(0)
    },
  )

  test('of a key that comes twice the last value counts', async () => {
    const { app, bus } = await eventsApp()
    expect((await publishText(app, `{"type":"first","source":"x","type":"last"}`)).statusCode).toBe(201)
    expect((await bus.list({ limit: 1 })).events[0]?.type).toBe('last')
  })

  test('a byte order mark is skipped', async () => {
    const { app } = await eventsApp()
    expect((await publishText(app, `\ufeff{${EVENT}}`)).statusCode).toBe(201)
    expect((await publishText(app, `\ufeff\ufeff{${EVENT}}`)).statusCode).toBe(400)
  })

  test('the body of a GET is refused, and not ignored', async () => {
    const { app } = await eventsApp()
    const headers = { 'content-type': 'application/json', 'content-length': '12' }
    const answer = await app.inject({ method: 'GET', url: URL_PATH, headers, payload: '{"type":"a"}' })
    expect(answer.json().errors).toEqual([{ path: 'body', message: 'must be empty: GET takes none' }])
  })
})

describe('connections', () => {
  test('garbage between chunks is refused, and nothing is stored', async () => {
    const { app, bus, url } = await listeningApp()
    const lines = [JSON_TYPE, 'Transfer-Encoding: chunked']
    const chunk = `{${EVENT}}`
    for (const rest of [
      'zz\r\n',
      `${chunk.length.toString(16)}\r\n${chunk}xx`,
      '-1\r\n',
      'ffffffffffffffffff\r\n',
    ]) {
      const text = await exchange(url, head('POST', URL_PATH, lines) + rest, answered(1))
      expect(statusesOf(text), rest).toEqual([400])
    }
    expect(await bus.count()).toBe(0)
    await nothingLeft(app, bus)
  })

  test('a request with two lengths is refused, and what follows is not taken for another', async () => {
    const { app, bus, url } = await listeningApp()
    const lines = [JSON_TYPE, 'Content-Length: 4', 'Transfer-Encoding: chunked']
    const smuggled = head('POST', `${URL_PATH}/clear`)
    const text = await exchange(url, `${head('POST', URL_PATH, lines)}0\r\n\r\n${smuggled}`, answered(1))
    expect(statusesOf(text)).toEqual([400])
    expect((await bus.head()).position).toBe(0)
    await nothingLeft(app, bus)
  })

  test('pipelined requests are answered in their order', async () => {
    const { app, bus, url } = await listeningApp()
    const post = (body: string) =>
      head('POST', URL_PATH, [JSON_TYPE, `Content-Length: ${body.length}`]) + body
    const last = head('GET', `${URL_PATH}/health`, ['Connection: close'])
    const text = await exchange(url, post(`{${EVENT}}`) + post('{}') + post(`{${EVENT}}`) + last, () => false)
    expect(statusesOf(text)).toEqual([201, 400, 201, 200])
    await nothingLeft(app, bus)
  })

  test('a body beyond the limit ends the upload, however it is sent', async () => {
    const { app, bus, url } = await listeningApp({ module: { bodyLimit: 1_000, batchBodyLimit: 1_000 } })
    const big = 'x'.repeat(5_000)
    for (const path of ['', '/batch']) {
      const sized = head('POST', URL_PATH + path, [JSON_TYPE, `Content-Length: ${big.length}`]) + big
      const chunked = `${head('POST', URL_PATH + path, [JSON_TYPE, 'Transfer-Encoding: chunked'])}1388\r\n${big}\r\n`
      for (const bytes of [sized, chunked])
        expect(statusesOf(await exchange(url, bytes, answered(1)))).toEqual([413])
    }
    await nothingLeft(app, bus)
  })

  test('headers beyond the limit are 431', async () => {
    const { app, bus, url } = await listeningApp()
    const text = await exchange(url, head('GET', URL_PATH, [`X: ${'x'.repeat(20_000)}`]), answered(1))
    expect(statusesOf(text)).toEqual([431])
    await nothingLeft(app, bus)
  })
})

const routes = (await listRoutes()).map(({ url }) => url.replaceAll(/\{\w+\}/g, 'some'))
/** A HEAD cannot be upgraded. */
const paths = [...new Set(routes)].filter((url) => !url.endsWith('/ws'))

test.each(paths)('HEAD of %s has no body, OPTIONS names its methods', async (path) => {
  const { app } = await eventsApp()
  for (const url of [path, `${path}/`]) {
    const options = await app.inject({ method: 'OPTIONS', url })
    expect([options.statusCode, options.body]).toEqual([204, ''])
    const allowed = String(options.headers.allow).split(', ')
    const asked = await app.inject({ method: 'HEAD', url })
    expect(asked.body).toBe('')
    expect(asked.statusCode).toBeLessThan(500)
    expect(asked.statusCode === 405).toBe(!allowed.includes('HEAD'))
    expect(allowed.includes('HEAD')).toBe(allowed.includes('GET'))
  }
})

test('a long text of digits costs no more than any other', async () => {
  const { app } = await eventsApp()
  const payload = `{"type":"a","source":"x","message":"${'1'.repeat(900_000)}"}`
  const headers = { 'content-type': 'application/json' }
  const began = performance.now()
  expect((await app.inject({ method: 'POST', url: URL_PATH, headers, payload })).statusCode).toBe(400)
  // By the square of its length it would take an hour.
  expect(performance.now() - began).toBeLessThan(10_000)
})
