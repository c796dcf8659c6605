import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStorage } from '@viewra/events-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createToken } from '../src/index.ts'
import { eventsApp, listeningApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'
import { SseClient } from './sse-client.ts'

const URL = '/api/v1/events'
/** Types of other systems: words with capitals and hyphens, which differ in nothing else from one another. */
const TYPES = [
  'com.github.pull-request.Opened',
  'com.github.pull-request.opened',
  'com.github.pull_request.Opened',
  'com.githubXpull-request.Opened',
  'Com.github.push',
  '-',
  'Microsoft.Storage.BlobCreated',
]
const SELECTIONS: [string, readonly string[]][] = [
  ['com.github.pull-request.Opened', ['com.github.pull-request.Opened']],
  ['com.github.*', TYPES.slice(0, 3)],
  ['com.github.pull-request.*', TYPES.slice(0, 2)],
  ['Com.*,-', ['Com.github.push', '-']],
  ['Microsoft.Storage.BlobCreated', ['Microsoft.Storage.BlobCreated']],
  ['microsoft.*', []],
]

async function storedTypes(directory: string) {
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const storage = await createStorage(`sqlite:${join(directory, 'events.db')}`)
  const { bus, url } = await listeningApp({ bus: { storage } })
  await bus.publishMany(TYPES.map((type) => ({ type, source: 'x' })))
  return url
}

test.each(SELECTIONS)(
  'the types %s are selected in lists, ranges, streams and sockets',
  async (types, selected) => {
    const url = await storedTypes(mkdtempSync(join(tmpdir(), 'viewra-events-')))
    const range = '/range?start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z&order=asc&'
    for (const query of [`?order=asc&type=${types}`, `?order=asc&types=${types}`, `${range}type=${types}`]) {
      const page = await (await fetch(url + query)).json()
      expect(page).toMatchObject({ total: selected.length, events: selected.map((type) => ({ type })) })
    }
    const stream = await SseClient.open(`${url}/stream?from=beginning&types=${types}`)
    const frames = await stream.until('caught_up')
    expect(frames.flatMap(({ type, data }) => (type === 'event' ? [data.type] : []))).toEqual(selected)
    const socket = await SocketClient.open(url)
    socket.send({ type: 'subscribe', id: 's', from: 'beginning', filter: { types: types.split(',') } })
    const messages = await socket.until('caught_up')
    expect(messages.filter(({ type }) => type === 'event')).toMatchObject(
      selected.map((type) => ({ event: { type } })),
    )
  },
)

test('types are counted and listed as they are', async () => {
  const url = await storedTypes(mkdtempSync(join(tmpdir(), 'viewra-events-')))
  const stats = await (await fetch(`${url}/stats`)).json()
  expect(stats).toMatchObject({ events_by_type: Object.fromEntries(TYPES.map((type) => [type, 1])) })
  const known = await (await fetch(`${url}/types`)).json()
  expect(known).toMatchObject({ event_types: expect.arrayContaining(TYPES) })
})

test('dead letters are listed and retried by such a type', async () => {
  const { app, bus } = await eventsApp()
  const fail = () => {
    throw new Error('no')
  }
  await bus.subscribe('com.*', fail, { durable: 'd', retry: { attempts: 1 } })
  await bus.publishMany(TYPES.map((type) => ({ type, source: 'x' })))
  const list = async (type: string) => (await app.inject(`${URL}/dead-letters?type=${type}`)).json()
  await expect.poll(async () => (await list('com.github.pull_request.Opened')).total).toBe(1)
  const [type = ''] = TYPES
  expect(await list(type)).toMatchObject({ total: 1, dead_letters: [{ event: { type } }] })
  const payload = { type, dry_run: true }
  const answer = await app.inject({ method: 'POST', url: `${URL}/dead-letters/retry`, payload })
  expect(answer.json()).toMatchObject({ count: 1 })
})

describe('a token for com.github.*', () => {
  const { token, hash } = createToken()
  const tokens = [{ name: 'github', role: 'publisher', hash, types: ['com.github.*'] } as const]

  test.each([
    ['com.github.pull-request.Opened', 201],
    ['com.githubXpush', 403],
    ['Com.github.push', 403],
    ['com.github', 403],
  ])('gets for %s %i', async (type, status) => {
    const { app } = await eventsApp({ module: { tokens } })
    const headers = { authorization: `Bearer ${token}` }
    const binary = { ...headers, 'ce-specversion': '1.0', 'ce-id': 'i', 'ce-source': 's', 'ce-type': type }
    const batch = { method: 'POST', url: `${URL}/batch`, headers, payload: [{ type, source: 's' }] } as const
    const answers = [
      await app.inject({ method: 'POST', url: URL, headers, payload: { type, source: 's' } }),
      await app.inject({ method: 'POST', url: URL, headers: binary, payload: {} }),
      await app.inject(batch),
    ]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([status, status, status])
  })
})

test.each(['a..b', '.a', 'a.', 'a b', 'ä', 'a/b', 'com.github.*', 'x'.repeat(129)])(
  'the type %j is refused with the rule',
  async (type) => {
    const { app } = await eventsApp()
    const answer = await app.inject({ method: 'POST', url: URL, payload: { type, source: 'x' } })
    const message = expect.stringMatching(/^must be dot-separated words of letters, digits, _ and - /)
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ path: 'type', message }] })
  },
)
