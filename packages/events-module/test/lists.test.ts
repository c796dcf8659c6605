import type { EventBus, EventInput } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { eventsApp } from './events-app.ts'

const URL = '/api/v1/events'

const EVENTS: readonly EventInput[] = [
  {
    id: 'a',
    type: 'scan.started',
    source: 'plugin:one',
    tags: ['red'],
    priority: 1,
    data: { library: { id: 5 }, n: true, s: 'x y' },
    timestamp: '2024-01-01T00:00:00Z',
  },
  {
    id: 'b',
    type: 'scan.file.found',
    source: 'plugin:two',
    tags: ['red', 'blue'],
    priority: 5,
    title: '50% aber',
    data: { library: { id: '5' }, n: null, s: '"' },
  },
  {
    id: 'c',
    type: 'user.created',
    source: 'system',
    target: 'user:7',
    tags: ['a,b', 'x\\'],
    priority: 10,
  },
  {
    id: 'd',
    type: 'scanner',
    source: 'user:1',
    tags: ['green'],
    priority: 20,
    timestamp: '2024-01-01T00:00:00.001Z',
  },
]

async function withEvents(
  events: readonly EventInput[] = EVENTS,
): Promise<{ app: FastifyInstance; bus: EventBus }> {
  const { app, bus } = await eventsApp()
  await bus.publishMany(events)
  return { app, bus }
}

function numbered(count: number): EventInput[] {
  return Array.from({ length: count }, (_, index) => ({ id: `e${index}`, type: 'a', source: 'x' }))
}

async function ids(app: FastifyInstance, url: string): Promise<string[]> {
  const answer = await app.inject(url)
  expect(answer.statusCode).toBe(200)
  return answer.json().events.map(({ id }: { id: string }) => id)
}

/** The target of the link to the next page: of the same path, another query. */
function nextOf(path: string, headers: { readonly link?: unknown }): string | undefined {
  const query = /^<(\?[^<>]+)>; rel="next"$/.exec(String(headers.link))?.[1]
  return query === undefined ? undefined : path + query
}

describe('filters', () => {
  test.each([
    ['source=%20lead', 's'],
    ['sources=%20lead,other', 's'],
    ['source=%20*', 's'],
    ['tags=trail%20', 't'],
    ['tags=x,trail%20', 't'],
    ['source=lead', ''],
    ['tags=trail', ''],
  ])('%s finds texts with white space at their ends as they are', async (query, found) => {
    const events = [
      { id: 's', type: 'a', source: ' lead' },
      { id: 't', type: 'a', source: 'x', tags: ['trail '] },
    ]
    const { app } = await withEvents(events)
    expect((await ids(app, `${URL}?${query}`)).join('')).toBe(found)
  })

  test.each([
    ['q=ABER', 'b'],
    ['q=50%25', 'b'],
    ['data.library.id=5', 'a'],
    ['data.library.id=5&data.n=true&data.s=x y', 'a'],
    ['data.library.id="5"', 'b'],
    ['data.n=null', 'b'],
    ['data.s="', 'b'],
    ['data[library][id]=5&data[n]=true', 'a'],
    ['data[library.id]=5&data.n=true', 'a'],
    ['data%5Blibrary%5D.id=5', 'a'],
    ['data[library][id]="5"', 'b'],
    ['type=scan.started', 'a'],
    ['type=scan.*', 'ba'],
    ['type=*', 'dcba'],
    ['types=scan.started,scanner', 'da'],
    ['types=scan.started, scanner', 'da'],
    ['type=scan.started&type=scanner', 'da'],
    ['type=scan.started&types=scanner&types=user.created,user.deleted', 'dca'],
    ['source=system', 'c'],
    ['sources=plugin:*,user:1', 'dba'],
    ['source=plugin:one&sources=plugin:two', 'ba'],
    ['tags=red', 'ba'],
    ['tags=blue,green', 'db'],
    ['tags=a\\,b', 'c'],
    ['tags=a%5C%2Cb,green', 'dc'],
    ['tags=a,b', ''],
    ['tags=x\\', 'c'],
    ['tags=x\\&tags=green', 'dc'],
    ['q=50%', 'b'],
    ['tags=blue&tags=green', 'db'],
    ['priority=low', 'dcba'],
    ['priority=normal', 'dcb'],
    ['priority=high', 'dc'],
    ['priority=critical', 'd'],
    ['priority=6', 'dc'],
    ['priority=0', 'dcba'],
    ['priority=100', ''],
    ['target=user:7', 'c'],
    ['until=2024-01-01T00:00:00Z', 'a'],
    ['until=2024-01-01T01:00:00.001%2B01:00', 'da'],
    ['since=2024-01-01T00:00:00.002Z', 'cb'],
    ['since=2024-01-01T00:00:00.001Z&until=2024-01-01T00:00:00.001Z', 'd'],
    ['type=scan.*&tags=red&priority=normal', 'b'],
    ['type=none', ''],
    ['order=asc', 'abcd'],
    ['order=asc&limit=2&offset=1', 'bc'],
    ['offset=4', ''],
  ])('%s', async (query, expected) => {
    const { app } = await withEvents()
    expect((await ids(app, `${URL}?${query}`)).join('')).toBe(expected)
  })

  test('data is selected by, for a host app whose query parser makes objects of brackets', async () => {
    const querystringParser = (text: string) =>
      text === '' ? {} : { data: { library: { id: '5' }, n: 'true' } }
    const { app, bus } = await eventsApp({ fastify: { routerOptions: { querystringParser } } })
    await bus.publishMany(EVENTS)
    expect(await ids(app, `${URL}?data[library][id]=5&data[n]=true`)).toEqual(['a'])
  })

  test('both ends of a range are in it', async () => {
    const { app } = await withEvents()
    const range = 'start=2024-01-01T00:00:00Z&end=2024-01-01T00:00:00.001Z'
    expect(await ids(app, `${URL}/range?${range}`)).toEqual(['d', 'a'])
    expect(await ids(app, `${URL}/range?${range}&type=scan.*`)).toEqual(['a'])
    expect(await ids(app, `${URL}/range?start=2024-01-01T00:00:00Z&end=2024-01-01T00:00:00Z`)).toEqual(['a'])
  })

  test('the total is of all that match, and left out when nobody wants it', async () => {
    const { app } = await withEvents()
    const counted = (await app.inject(`${URL}?tags=red&limit=1`)).json()
    expect(counted).toMatchObject({ total: 2, limit: 1 })
    const uncounted = (await app.inject(`${URL}?tags=red&limit=1&count=none`)).json()
    expect(Object.keys(uncounted)).toEqual(['events', 'limit', 'offset', 'next_cursor'])
  })
})

describe('cursors', () => {
  test.each(['asc', 'desc'])('bring each event once, in order, while others arrive: %s', async (order) => {
    const { app, bus } = await withEvents(numbered(25))
    const seen: string[] = []
    let url: string | undefined = `${URL}?limit=10&order=${order}&type=a`
    for (let page = 0; url !== undefined; page++) {
      const answer = await app.inject(url)
      seen.push(...answer.json().events.map(({ id }: { id: string }) => id))
      url = nextOf(URL, answer.headers)
      expect(url === undefined).toBe(answer.json().next_cursor === undefined)
      if (page < 2) await bus.publish({ id: `late${page}`, type: 'a', source: 'x' })
    }
    const start = numbered(25).map(({ id }) => id)
    expect(seen).toEqual(order === 'asc' ? [...start, 'late0', 'late1'] : start.toReversed())
  })

  test('the last page has neither cursor nor link', async () => {
    const { app } = await withEvents(numbered(10))
    const answer = await app.inject(`${URL}?limit=10`)
    expect(answer.json()).not.toHaveProperty('next_cursor')
    expect(answer.headers).not.toHaveProperty('link')
  })

  test('the link keeps the other parameters, drops the offset and works as it is', async () => {
    const { app } = await withEvents(numbered(10))
    const answer = await app.inject(`${URL}/?limit=3&offset=3&type=a&types=b,c&tags=&count=none`)
    const url = nextOf(`${URL}/`, answer.headers) ?? ''
    expect(url).toMatch(/^\/api\/v1\/events\/\?limit=3&type=a&types=b%2Cc&tags=&count=none&cursor=[^&]+$/)
    expect(await ids(app, url)).toEqual(['e3', 'e2', 'e1'])
  })

  test('a range has them too', async () => {
    const { app } = await withEvents(numbered(3))
    const url = `${URL}/range?start=2020-01-01T00:00:00Z&end=2900-01-01T00:00:00Z&limit=2`
    const { next_cursor } = (await app.inject(url)).json()
    expect(await ids(app, `${url}&cursor=${encodeURIComponent(next_cursor)}`)).toEqual(['e0'])
  })

  test.each([
    ['another filter', 'type=b&limit=2'],
    ['a filter more', 'type=a&tags=x&limit=2'],
    ['another order', 'type=a&order=asc&limit=2'],
  ])('of a list with %s are refused', async (_name, query) => {
    const { app } = await withEvents(numbered(5))
    const { next_cursor } = (await app.inject(`${URL}?type=a&limit=2`)).json()
    const answer = await app.inject(`${URL}?${query}&cursor=${next_cursor}`)
    expect(answer.statusCode).toBe(400)
    expect(answer.json().errors).toEqual([
      { path: 'cursor', message: expect.stringContaining('another list') },
    ])
  })

  test('take another page size, and the same filter in other words', async () => {
    const { app } = await withEvents(numbered(5))
    const { next_cursor } = (await app.inject(`${URL}?types=a,b&limit=2`)).json()
    expect(await ids(app, `${URL}?type=b&type=a&limit=3&cursor=${next_cursor}`)).toEqual(['e2', 'e1', 'e0'])
  })

  test('take the same conditions in another order', async () => {
    const events = numbered(3).map((event) => ({
      ...event,
      data: { n: 1, s: { x: 'a', y: [1] } },
      extensions: { a: 1, b: 'c' },
    }))
    const { app } = await withEvents(events)
    const conditions = ['data.n=1', 'data.s.x=a', 'ext.a=1', 'ext.b=c', 'source=x']
    const { next_cursor } = (await app.inject(`${URL}?${conditions.join('&')}&limit=2`)).json()
    const again = conditions.toReversed().join('&')
    expect(await ids(app, `${URL}?${again}&cursor=${next_cursor}`)).toEqual(['e0'])
  })

  test('of another store are refused', async () => {
    const [one, other] = [await withEvents(numbered(5)), await withEvents(numbered(5))]
    const { next_cursor } = (await one.app.inject(`${URL}?limit=2`)).json()
    const answer = await other.app.inject(`${URL}?limit=2&cursor=${next_cursor}`)
    expect(answer.statusCode).toBe(400)
    expect(answer.json().detail).toMatch(/another event store/)
  })
})

describe('one event', () => {
  const STRANGE_IDS = [
    'x'.repeat(128),
    'a/b',
    'ä ö',
    '100%',
    '?x=1',
    '%2F',
    ':id',
    'a.b',
    '日本語'.repeat(30),
    '🎬'.repeat(64),
  ]

  test.each(STRANGE_IDS)('is found and deleted by its id: %s', async (id) => {
    const { app } = await withEvents([{ id, type: 'a', source: 'x' }])
    const url = `${URL}/${encodeURIComponent(id)}`
    for (const path of [url, `${url}/`]) expect((await app.inject(path)).json()).toMatchObject({ id })
    expect((await app.inject({ method: 'HEAD', url })).statusCode).toBe(200)
    expect((await app.inject({ method: 'DELETE', url })).json()).toMatchObject({
      event_id: id,
      success: true,
    })
    expect((await app.inject(url)).statusCode).toBe(404)
  })
})
