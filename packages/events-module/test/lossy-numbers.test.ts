import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findLossyNumber } from '../src/http/request/lossy-number.ts'
import { eventsApp, listeningApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'

const PATH = '/api/v1/events'
const LOSSY = [
  '9007199254740993',
  '-9007199254740993',
  '12345678901234567890',
  '9007199254740993.0',
  '-9007199254740993.5',
  '1e400',
  '-1e400',
  '1e-400',
]
const KEPT = [
  '9007199254740991',
  '-9007199254740992',
  '18014398509481984',
  '1152921504606847000',
  '9007199254740992.0',
  '9007199254740992.25',
  '9.007199254740993e15',
  '0.1234567890123456789',
  '1.7976931348623157e308',
  '5e-324',
  '0e400',
  '0.0000000000000000000',
  '-0',
  '1e21',
]

/** An event as text, since no JavaScript value becomes such a number. */
const eventWith = (number: string) => `{"type":"a","source":"x","data":{"list":[1,{"n":${number}}]}}`

describe('a number that would not come out as it went in is refused with its path', () => {
  const send = async (url: string, type: string, payload: string, headers: Record<string, string> = {}) => {
    const { app, bus } = await eventsApp()
    const answer = await app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': type, ...headers },
      payload,
    })
    return { status: answer.statusCode, errors: answer.json().errors, count: await bus.count() }
  }
  const refused = (path: string, number: string) => ({
    status: 400,
    errors: [{ path, message: expect.stringContaining(`as a number, ${number} would become `) }],
    count: 0,
  })

  test.each(LOSSY)('%s', async (number) => {
    expect(await send(PATH, 'application/json', eventWith(number))).toEqual(refused('data.list.1.n', number))
  })

  test.each([
    [
      'a batch',
      `${PATH}/batch`,
      'application/json',
      `[${eventWith('1')},${eventWith('1e999')}]`,
      '1.data.list.1.n',
    ],
    [
      'NDJSON',
      `${PATH}/batch`,
      'application/x-ndjson',
      `${eventWith('1')}\n${eventWith('1e999')}`,
      '1.data.list.1.n',
    ],
    [
      'a CloudEvent',
      PATH,
      'application/cloudevents+json',
      `{"specversion":"1.0","id":"i","source":"x","type":"a","data":{"n":1e999}}`,
      'data.n',
    ],
    [
      'CloudEvents',
      `${PATH}/batch`,
      'application/cloudevents-batch+json',
      `[{"specversion":"1.0","id":"i","source":"x","type":"a","data":{"n":1e999}}]`,
      '0.data.n',
    ],
  ] as const)('in %s', async (_what, url, type, payload, path) => {
    expect(await send(url, type, payload)).toEqual(refused(path, '1e999'))
  })

  test('in the data of a binary CloudEvent', async () => {
    const headers = { 'ce-specversion': '1.0', 'ce-id': 'i', 'ce-source': 'x', 'ce-type': 'a' }
    expect(await send(PATH, 'application/json', '{"n":1e999}', headers)).toEqual(refused('data.n', '1e999'))
  })

  test('in other bodies and in conditions', async () => {
    const { app } = await eventsApp()
    const answer = await app.inject({
      method: 'POST',
      url: `${PATH}/dead-letters/retry`,
      headers: { 'content-type': 'application/json' },
      payload: '{"limit":9007199254740993}',
    })
    expect(answer.json().errors).toMatchObject([{ path: 'limit' }])
    const listed = await app.inject(`${PATH}?data.id=9007199254740993`)
    expect([listed.statusCode, listed.json().errors]).toMatchObject([400, [{ path: 'data.id' }]])
    expect((await app.inject(`${PATH}?data.id="9007199254740993"`)).statusCode).toBe(200)
  })

  test('in a message of a socket', async () => {
    const { bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    client.socket.send(`{"type":"publish","id":"1","event":${eventWith('1e999')}}`)
    expect(await client.next()).toMatchObject({ type: 'error', errors: [{ path: 'event.data.list.1.n' }] })
    expect(await bus.count()).toBe(0)
  })
})

test.each(KEPT)('%s is stored as JavaScript has it', async (number) => {
  const { app } = await eventsApp()
  const headers = { 'content-type': 'application/json' }
  const answer = await app.inject({ method: 'POST', url: PATH, headers, payload: eventWith(number) })
  expect(answer.statusCode).toBe(201)
  expect((await app.inject(PATH)).json().events[0].data).toEqual({ list: [1, { n: Number(number) + 0 }] })
})

test('digits in strings and keys are no numbers', () => {
  for (const value of [
    '9007199254740993',
    '"9007199254740993,',
    '\\"9007199254740993 ',
    '1e999]',
    '{"a":1e999}',
  ])
    expect(findLossyNumber(JSON.stringify({ [value]: [value] }), '')).toBeUndefined()
})

test('whatever the document, JSON that JavaScript wrote has no such number, and one that is put in is found', () => {
  fc.assert(
    fc.property(fc.json(), fc.string(), (json, key) => {
      expect(findLossyNumber(json, '')).toBeUndefined()
      const path = findLossyNumber(
        `{"before":${json},${JSON.stringify(`k${key}`)}:[${json},9007199254740993]}`,
        '',
      )?.path
      expect(path).toBe(`k${key}.1`)
    }),
  )
})

test('however deep the document is nested', () => {
  const depth = 200_000
  const json = `${'['.repeat(depth)}9007199254740993${']'.repeat(depth)}`
  expect(findLossyNumber(json, '')?.path).toHaveLength(2 * depth - 1)
})
