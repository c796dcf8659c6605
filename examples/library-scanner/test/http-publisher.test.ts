import { systemEvent } from '@viewra/events-core'
import { expect, test } from 'vitest'
import { HttpPublisher, type HttpPublisherOptions } from '../src/publishers/http.ts'
import { type Answer, created, httpServer } from './http-server.ts'

const event = systemEvent('info', { title: 'Hello' })

/** Starts a server that responds as given, and a publisher whose time passes only during its pauses. */
async function publishing(answer: Answer, options: Partial<HttpPublisherOptions> = {}) {
  const server = await httpServer(answer)
  const pauses: number[] = []
  let nowMs = Date.parse('2030-01-01T00:00:00Z')
  const publisher = new HttpPublisher({
    url: server.url,
    now: () => nowMs,
    pause: async (ms) => {
      pauses.push(ms)
      nowMs += ms
    },
    ...options,
  })
  return { server, publisher, pauses, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const fail =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers).end()
  }

test('posts the event as JSON with an id', async () => {
  await using it = await publishing(created)
  await it.publisher.publish(event)
  expect(it.server.received).toEqual([
    {
      path: '/api/v1/events',
      contentType: 'application/json',
      event: { id: expect.stringMatching(/^[0-9a-f-]{36}$/), type: 'info', source: 'system', title: 'Hello' },
    },
  ])
})

test('finds the API below the path of a proxy', async () => {
  await using it = await publishing(created)
  const url = new URL('/viewra/', it.server.url)
  await new HttpPublisher({ url }).publish(event)
  expect(it.server.received[0]?.path).toBe('/viewra/api/v1/events')
})

test.each<[string, Answer]>([
  ['429', fail(429)],
  ['502', fail(502)],
  ['503', fail(503)],
  ['504', fail(504)],
  ['a connection lost before the response', (_response, _request, socket) => socket.destroy()],
  [
    'an answer that is lost halfway',
    (response, _request, socket) => {
      response.writeHead(201, { 'content-length': '100' }).write('{')
      setImmediate(() => socket.destroy())
    },
  ],
])('sends the event again with the same id after %s', async (_name, bad) => {
  await using it = await publishing((response, request, socket) =>
    request < 2 ? bad(response, request, socket) : created(response),
  )
  await it.publisher.publish(event)
  const ids = it.server.received.map(({ event }) => event.id)
  expect(ids).toHaveLength(3)
  expect(new Set(ids).size).toBe(1)
})

test('sends it again when no response arrives in time', async () => {
  await using it = await publishing((response, request) => request > 0 && created(response), {
    requestTimeoutMs: 100,
  })
  await it.publisher.publish(event)
  expect(it.server.received).toHaveLength(2)
})

test('waits longer each time, up to a limit, and with jitter', async () => {
  await using it = await publishing((response, request, socket) =>
    request < 9 ? fail(503)(response, request, socket) : created(response),
  )
  await it.publisher.publish(event)
  const ceilings = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]
  expect(it.pauses).toHaveLength(ceilings.length)
  for (const [i, ceiling] of ceilings.entries()) {
    expect(it.pauses[i]).toBeGreaterThanOrEqual(ceiling / 2)
    expect(it.pauses[i]).toBeLessThanOrEqual(ceiling)
  }
  expect(new Set(it.pauses).size).toBe(it.pauses.length)
})

test.each([
  ['seconds', '7', 7000],
  ['a date', 'Tue, 01 Jan 2030 00:00:07 GMT', 7000],
  ['nonsense', 'soon', 0],
  ['a date in the past', 'Tue, 01 Jan 2029 00:00:00 GMT', 0],
])('waits as long as Retry-After asks, in %s', async (_form, header, askedMs) => {
  await using it = await publishing((response, request, socket) =>
    request === 0 ? fail(503, { 'retry-after': header })(response, request, socket) : created(response),
  )
  await it.publisher.publish(event)
  expect(it.pauses).toHaveLength(1)
  expect(it.pauses[0]).toBeGreaterThanOrEqual(askedMs)
  expect(it.pauses[0]).toBeLessThanOrEqual(askedMs + 100)
})

test('finally gives up and says why', async () => {
  await using it = await publishing(fail(503), { giveUpAfterMs: 1000 })
  await expect(it.publisher.publish(event)).rejects.toThrow(
    /^info could not be published to http.* in \d attempts: the answer was 503$/,
  )
  expect(it.pauses.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(1000)
  expect(it.server.received.length).toBeGreaterThan(3)
})

test('gives up at once when the server asks for more time than is left', async () => {
  await using it = await publishing(fail(503, { 'retry-after': '3600' }))
  await expect(it.publisher.publish(event)).rejects.toThrow('in 1 attempts')
})

test('gives the reason when nothing listens', async () => {
  const url = await (async () => {
    await using server = await httpServer(created)
    return server.url
  })()
  const publisher = new HttpPublisher({ url, giveUpAfterMs: 0 })
  await expect(publisher.publish(event)).rejects.toThrow('ECONNREFUSED')
})

test.each([400, 401, 404, 413, 422, 500])('does not retry after %i', async (status) => {
  const problem = JSON.stringify({ title: 'No', detail: 'data.size must be an integer' })
  await using it = await publishing((response) => response.writeHead(status).end(problem))
  await expect(it.publisher.publish(event)).rejects.toThrow(`${status} data.size must be an integer`)
  expect(it.server.received).toHaveLength(1)
})

test.each([200, 204, 301, 302])('takes only 201 as stored, not %i', async (status) => {
  await using it = await publishing(fail(status, { location: '/elsewhere' }))
  await expect(it.publisher.publish(event)).rejects.toThrow(`the answer was ${status}`)
  expect(it.server.received).toHaveLength(1)
})

test('reuses its connections: many requests share a few', async () => {
  await using it = await publishing(created)
  const publishMany = async () => {
    for (let i = 0; i < 50; i++) await it.publisher.publish(event)
  }
  await Promise.all([publishMany(), publishMany(), publishMany(), publishMany()])
  expect(it.server.received).toHaveLength(200)
  expect(it.server.connections()).toBeLessThan(20)
})
