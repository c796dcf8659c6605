import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { FormatRegistry, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type EventInput, type EventStorage, memoryStorage, PRIORITY } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventsApp } from './events-app.ts'

FormatRegistry.Set('date-time', (text) => new Date(text).toISOString() === text)

const PREFIX = '/api/v1/events'

/** In the order in which they are published, so the newest is the last one. */
const EVENTS: readonly EventInput[] = [
  { id: 'one', type: 'scan.started', source: 'plugin:scanner', priority: PRIORITY.low, tags: ['disk'] },
  {
    id: 'two',
    type: 'scan.progress',
    source: 'plugin:scanner',
    priority: PRIORITY.high,
    tags: ['disk', 'slow'],
  },
  { id: 'three', type: 'user.created', source: 'system', timestamp: '2024-02-29T12:00:00.000Z' },
]

interface Row {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: string
  readonly body?: object
  readonly status: number
  readonly answer: object
}

const an = {
  event: (id: string) =>
    expect.objectContaining({ id, position: expect.any(Number), recorded_at: expect.any(String) }),
}

const ROWS: readonly Row[] = [
  {
    method: 'GET',
    path: '/',
    status: 200,
    answer: { events: ['three', 'two', 'one'].map(an.event), total: 3, limit: 50, offset: 0 },
  },
  {
    method: 'GET',
    path: '/',
    query: 'limit=50&offset=0&type=&source=&priority=&tags=',
    status: 200,
    answer: { events: ['three', 'two', 'one'].map(an.event), total: 3, limit: 50, offset: 0 },
  },
  {
    method: 'GET',
    path: '/',
    query: 'limit=1&offset=1',
    status: 200,
    answer: { events: [an.event('two')], total: 3, limit: 1, offset: 1, next_cursor: expect.any(String) },
  },
  {
    method: 'GET',
    path: '/',
    query: 'type=scan.*&source=plugin:scanner&priority=10&tags=slow',
    status: 200,
    answer: { events: [an.event('two')], total: 1, limit: 50, offset: 0 },
  },
  {
    method: 'GET',
    path: '/range',
    query: 'start=2024-02-29T12:00:00Z&end=2024-02-29T13:00:00%2B01:00',
    status: 200,
    answer: {
      events: [an.event('three')],
      total: 1,
      limit: 100,
      offset: 0,
      start: '2024-02-29T12:00:00.000Z',
      end: '2024-02-29T12:00:00.000Z',
    },
  },
  {
    method: 'GET',
    path: '/types',
    status: 200,
    answer: {
      event_types: expect.arrayContaining(['scan.started', 'playback.progress']),
      count: expect.any(Number),
    },
  },
  {
    method: 'POST',
    path: '/',
    body: { type: 'scan.completed', source: 'system', title: 'Done', data: { files: 3 } },
    status: 201,
    answer: {
      message: 'Event published successfully',
      event_id: expect.any(String),
      position: 4,
      duplicate: false,
    },
  },
  {
    method: 'DELETE',
    path: '/two',
    status: 200,
    answer: { message: 'Event deleted successfully', event_id: 'two', success: true },
  },
  {
    method: 'DELETE',
    path: '/none',
    status: 404,
    answer: expect.objectContaining({ code: 'EVENTS_NOT_FOUND' }),
  },
  {
    method: 'POST',
    path: '/clear',
    status: 200,
    answer: { message: 'All events cleared successfully', success: true, deleted: 3 },
  },
  {
    method: 'DELETE',
    path: '/',
    status: 200,
    answer: { message: 'All events cleared successfully', success: true, deleted: 3 },
  },
  {
    method: 'GET',
    path: '/health',
    status: 200,
    answer: {
      healthy: true,
      status: 'ok',
      checks: expect.objectContaining({ storage: expect.objectContaining({ status: 'ok' }) }),
    },
  },
  {
    method: 'GET',
    path: '/stats',
    status: 200,
    answer: {
      total_events: 3,
      events_by_type: { 'scan.started': 1, 'scan.progress': 1, 'user.created': 1 },
      events_by_source: { 'plugin:scanner': 2, system: 1 },
      events_by_priority: { low: 1, normal: 1, high: 1, critical: 0 },
      recent_events: ['three', 'two', 'one'].map(an.event),
      active_subscriptions: 1,
    },
  },
  {
    method: 'GET',
    path: '/subscriptions',
    status: 200,
    answer: {
      subscriptions: [
        {
          id: expect.any(String),
          name: 'counter',
          filter: { types: ['scan.*'] },
          subscriber: 'a test',
          created: expect.stringMatching(/Z$/),
          last_triggered: expect.stringMatching(/Z$/),
          trigger_count: 2,
          durable: false,
          state: 'running',
          lag: 0,
          in_flight: 0,
          dropped: 0,
          errors: 0,
        },
      ],
      count: 1,
      durable: [],
    },
  },
  { method: 'GET', path: '/one', status: 200, answer: an.event('one') },
]

// What the path looks like is decided long before a store is asked.
describe.each([
  ['memory', '', inMemory],
  ['memory', '/', inMemory],
  ['SQLite', '', inSqlite],
] as const)('with %s, each path with "%s" at its end', (_name, slash, makeStorage) => {
  test.each(ROWS.map((row) => [callOf(row), row] as const))('%s', async (_call, row) => {
    const { answer, schema } = await send(row, await makeStorage(), slash)
    expect(answer.json()).toEqual(row.answer)
    expect(answer.statusCode).toBe(row.status)
    const type = row.status < 400 ? 'application/json' : 'application/problem+json'
    expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`)
    if (row.status < 400) expect([...Value.Errors(schemaOf(schema, row.status), answer.json())]).toEqual([])
  })
})

function callOf({ method, path, query, status }: Row): string {
  return `${method} ${path}${query === undefined ? '' : `?${query}`} answers ${status}`
}

async function inMemory(): Promise<EventStorage> {
  return memoryStorage()
}

async function inSqlite(): Promise<EventStorage> {
  const directory = await mkdtemp(path.join(tmpdir(), 'viewra-events-module-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return sqliteStorage({ path: path.join(directory, 'events.db') })
}

async function send(row: Row, storage: EventStorage, slash: string) {
  const documented = new Map<string, unknown>()
  const { app, bus } = await eventsApp({
    bus: { storage },
    host: (host) => {
      host.addHook('onRoute', ({ method, url, schema }) => {
        documented.set(`${method} ${url}`, schema?.response)
      })
    },
  })
  await bus.subscribe('scan.*', () => undefined, { name: 'counter', subscriber: 'a test' })
  await bus.publishMany(EVENTS)
  await expect.poll(() => bus.subscriptions()[0]?.trigger_count).toBe(2)
  const { method, path: tail, query = '', body } = row
  const url = `${PREFIX}${tail === '/' ? slash : tail + slash}?${query}`
  const answer = await app.inject({ method, url, ...(body === undefined ? {} : { payload: body }) })
  const pattern = /^\/(one|two|none)$/.test(tail) ? '/:id' : tail.slice(tail === '/' ? 1 : 0)
  return { answer, schema: documented.get(`${method} ${PREFIX}${pattern}`) }
}

function schemaOf(responses: unknown, status: number): TSchema {
  // What the route itself handed to Fastify under this status.
  const response = (responses as Record<number, TSchema>)[status] as TSchema
  return response.content === undefined ? response : response.content['application/json'].schema
}
