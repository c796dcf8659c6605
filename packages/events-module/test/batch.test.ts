import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { eventsApp, listeningApp } from './events-app.ts'

const BATCH = '/api/v1/events/batch'
const NDJSON = { 'content-type': 'application/x-ndjson' }
const EVENTS = [
  { id: '1', type: 'a', source: 'x' },
  { id: '2', type: 'b', source: 'x', title: 'ü' },
]
const STORED = {
  message: 'Events published successfully',
  count: 2,
  events: [
    { event_id: '1', position: 1, duplicate: false },
    { event_id: '2', position: 2, duplicate: false },
  ],
}

describe('a batch is stored in its order', () => {
  const lines = EVENTS.map((event) => JSON.stringify(event))

  test('as a JSON array', async () => {
    const { app, bus } = await eventsApp()
    const answer = await app.inject({ method: 'POST', url: `${BATCH}/`, payload: EVENTS })
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toEqual(STORED)
    expect((await bus.get('2'))?.title).toBe('ü')
  })

  test.each([
    ['LF', `${lines.join('\n')}\n`],
    ['CRLF', `${lines.join('\r\n')}\r\n`],
    ['no end of the last line', lines.join('\n')],
    ['blank lines and a byte order mark', `\ufeff${lines.join('\n\n \t\r\n')}\n\n`],
  ])('as lines with %s', async (_name, payload) => {
    const { app } = await eventsApp()
    const answer = await app.inject({ method: 'POST', url: BATCH, headers: NDJSON, payload })
    expect(answer.json()).toEqual(STORED)
  })

  test('as lines that arrive a byte at a time', async () => {
    const { url } = await listeningApp()
    const { promise, resolve } = Promise.withResolvers<number | undefined>()
    const request = httpRequest(`${url}/batch`, { method: 'POST', headers: NDJSON }, (answer) =>
      resolve(answer.resume().statusCode),
    )
    for (const byte of Buffer.from(lines.join('\n'))) request.write(Buffer.of(byte))
    request.end()
    expect(await promise).toBe(201)
  })

  test('10,000 at once, and what was there before is a duplicate', async () => {
    const { app, bus } = await eventsApp()
    await bus.publish({ id: '7', type: 'a', source: 'x' })
    const payload = Array.from({ length: 10_000 }, (_, id) => ({ id: `${id}`, type: 'a', source: 'x' }))
    const { events, count } = (await app.inject({ method: 'POST', url: BATCH, payload })).json()
    expect(count).toBe(10_000)
    expect(events[7]).toEqual({ event_id: '7', position: 1, duplicate: true })
    expect(await bus.count()).toBe(10_000)
  })
})

describe('nothing of a batch is stored when', () => {
  const line = '{"type":"a","source":"x"}\n'
  const refusals: readonly (readonly [
    string,
    object,
    string | Buffer,
    number,
    string,
    string | undefined,
  ])[] = [
    ['it has no lines', NDJSON, '', 400, 'EVENTS_INVALID', ''],
    ['it has blank lines only', NDJSON, '\n \r\n', 400, 'EVENTS_INVALID', ''],
    ['the array is empty', {}, '[]', 400, 'EVENTS_INVALID', ''],
    ['it is one event', {}, '{"type":"a","source":"x"}', 400, 'EVENTS_INVALID', ''],
    ['an event is no object', NDJSON, `${line}5`, 400, 'EVENTS_INVALID', '1'],
    ['an event lacks a field', NDJSON, `${line}\n{"type":"a"}`, 400, 'EVENTS_INVALID', '1.source'],
    ['the bus refuses one', NDJSON, `${line}{"type":"A!","source":"x"}`, 400, 'EVENTS_INVALID', '1.type'],
    [
      'an id is a path',
      NDJSON,
      `${line}{"id":"batch","type":"a","source":"x"}`,
      400,
      'EVENTS_INVALID',
      '1.id',
    ],
    ['a line is no JSON', NDJSON, `${line}{"type"`, 400, 'HTTP_BAD_JSON', '1'],
    [
      'a line is no UTF-8',
      NDJSON,
      Buffer.from([...Buffer.from(line), 0x22, 0xff, 0x22]),
      400,
      'HTTP_BAD_JSON',
      '1',
    ],
    ['a line sets a prototype', NDJSON, `${line}{"__proto__":1}`, 400, 'EVENTS_INVALID', '1.__proto__'],
    ['lines are more than 10,000', NDJSON, line.repeat(10_001), 413, 'HTTP_BODY_TOO_LARGE', undefined],
    [
      'the array has more than 10,000',
      {},
      `[${'{"type":"a","source":"x"},'.repeat(10_000)}{}]`,
      413,
      'HTTP_BODY_TOO_LARGE',
      undefined,
    ],
    ['lines are blank, and too many', NDJSON, '\n'.repeat(20_001), 413, 'HTTP_BODY_TOO_LARGE', undefined],
    [
      'there is much white space before the array',
      {},
      `${' '.repeat(60_000)}[]`,
      413,
      'HTTP_BODY_TOO_LARGE',
      undefined,
    ],
    [
      'there is much white space after the array',
      {},
      `[]${' '.repeat(60_000)}`,
      413,
      'HTTP_BODY_TOO_LARGE',
      undefined,
    ],
    [
      'an event is too large',
      NDJSON,
      `${line}"${'x'.repeat(60_000)}"`,
      413,
      'HTTP_BODY_TOO_LARGE',
      undefined,
    ],
    [
      'an event of the array is too large',
      {},
      `[{},"${'x'.repeat(60_000)}"]`,
      413,
      'HTTP_BODY_TOO_LARGE',
      undefined,
    ],
    ['the array has no end', {}, '[{"type":"a","source":"x"}', 400, 'HTTP_BAD_JSON', undefined],
    ['something follows the array', {}, '[{"type":"a","source":"x"}] x', 400, 'HTTP_BAD_JSON', undefined],
    ['a value of the array is missing', {}, '[{"type":"a","source":"x"},]', 400, 'HTTP_BAD_JSON', undefined],
    ['a value of the array is no JSON', {}, '[{"type":"a","source":"x"}, {"a":}]', 400, 'HTTP_BAD_JSON', '1'],
    ['brackets do not match', {}, '[{"type":"a","source":"x"}}', 400, 'HTTP_BAD_JSON', undefined],
    ['lines are too many bytes', NDJSON, line + ' '.repeat(400_000), 413, 'HTTP_BODY_TOO_LARGE', undefined],
    ['the array is too many bytes', {}, `[${' '.repeat(400_000)}]`, 413, 'HTTP_BODY_TOO_LARGE', undefined],
    [
      'it is compressed',
      { ...NDJSON, 'content-encoding': 'gzip' },
      gzipSync(line),
      415,
      'HTTP_UNSUPPORTED_MEDIA_TYPE',
      undefined,
    ],
    [
      'it is something else',
      { 'content-type': 'text/csv' },
      line,
      415,
      'HTTP_UNSUPPORTED_MEDIA_TYPE',
      undefined,
    ],
  ]

  test.each(refusals)('%s', async (_name, headers, payload, status, code, path) => {
    const { app, bus } = await eventsApp({ module: { batchBodyLimit: 300_000, bodyLimit: 50_000 } })
    const answer = await app.inject({
      method: 'POST',
      url: BATCH,
      headers: { 'content-type': 'application/json', ...headers },
      payload,
    })
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(answer.json().errors?.[0]?.path).toBe(path)
    expect(await bus.count()).toBe(0)
  })

  test('its client goes away in the middle', async () => {
    const logged = Promise.withResolvers<void>()
    const { bus, url } = await listeningApp({
      fastify: {
        logger: {
          level: 'debug',
          stream: { write: (text) => text.includes('HTTP_CLIENT_GONE') && logged.resolve() },
        },
      },
    })
    const request = httpRequest(`${url}/batch`, { method: 'POST', headers: NDJSON })
    request.on('error', () => undefined)
    request.write(line.repeat(100), () => request.destroy())
    await logged.promise
    expect(await bus.count()).toBe(0)
  })

  test('every event is wrong, and the answer names the first 50', async () => {
    const { app } = await eventsApp()
    const payload = Array.from({ length: 200 }, () => ({ type: 'A!', source: 'x' }))
    const answer = (await app.inject({ method: 'POST', url: BATCH, payload })).json()
    expect(answer.errors).toHaveLength(50)
    expect(answer.detail).toContain('and 199 more')
  })
})

test('only /batch takes lines', async () => {
  const { app } = await eventsApp()
  const answer = await app.inject({ method: 'POST', url: '/api/v1/events', headers: NDJSON, payload: '{}' })
  expect(answer.statusCode).toBe(415)
  expect(answer.json().detail).toContain('application/cloudevents+json')
})
