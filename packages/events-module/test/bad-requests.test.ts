import { Value } from '@sinclair/typebox/value'
import { describe, expect, test } from 'vitest'
import { PROBLEMS, ProblemSchema } from '../src/http/problem.ts'
import { eventsApp } from './events-app.ts'

const URL = '/api/v1/events'

/** A query string, the parameter that is wrong, and what the message must say of value and rule. */
const QUERIES: readonly (readonly [string, string, RegExp])[] = [
  ['?limit=abc', 'limit', /integer from 1 to 1000, not 'abc'/],
  ['?limit=', 'limit', /integer from 1 to 1000, not ''/],
  ['?limit', 'limit', /integer from 1 to 1000/],
  ['?limit=1.5', 'limit', /not '1\.5'/],
  ['?limit=1e2', 'limit', /not '1e2'/],
  ['?limit=0x10', 'limit', /not '0x10'/],
  ['?limit=%205', 'limit', /not ' 5'/],
  ['?limit=0', 'limit', /from 1 to 1000, not 0/],
  ['?limit=1001', 'limit', /from 1 to 1000, not 1001/],
  ['?limit=99999999999999999999', 'limit', /from 1 to 1000/],
  ['?limit=1&limit=2', 'limit', /given once, not 2 times/],
  ['?offset=-1', 'offset', /not -1/],
  ['?offset=1000000001', 'offset', /not 1000000001/],
  ['?order=newest', 'order', /'asc' or 'desc', not 'newest'/],
  ['?order=', 'order', /not ''/],
  ['?count=maybe', 'count', /'exact' or 'none', not 'maybe'/],
  ['?priority=urgent', 'priority', /0 to 100 or 'low'.*not 'urgent'/],
  ['?priority=101', 'priority', /not 101/],
  ['?priority=-1', 'priority', /not -1/],
  ['?priority=high&priority=low', 'priority', /given once/],
  ['?type=Scan!', 'type', /not 'Scan!'/],
  ['?types=scan.started,Scan!', 'types', /not 'Scan!'/],
  ['?type=scan.*&types=a..b', 'types', /not 'a\.\.b'/],
  ['?tags=a,,b', 'tags', /not empty, not ''/],
  [`?source=${'s'.repeat(257)}`, 'source', /256/],
  ['?target=', 'target', /not empty/],
  ['?since=yesterday', 'since', /RFC 3339.*not 'yesterday'/],
  ['?since=2024-01-01', 'since', /RFC 3339/],
  ['?since=2024-01-01T00:00:00+01:00', 'since', /write a \+ in it as %2B/],
  ['?until=2024-02-30T00:00:00Z', 'until', /RFC 3339/],
  ['?since=2024-01-02T00:00:00Z&until=2024-01-01T00:00:00Z', 'until', /before since/],
  ['?cursor=abc', 'cursor', /no cursor/],
  ['?cursor=', 'cursor', /next_cursor/],
  ['?cursor=x.1.abcdefghijk', 'cursor', /another event store/],
  ['?cursor=x.1.abcdefghijk&offset=1', 'offset', /with a cursor/],
  ['?query=text', 'query', /not a parameter here; there are .*limit/],
  ['?q=', 'q', /1 to 256/],
  [`?q=${'x'.repeat(257)}`, 'q', /256/],
  ['?q=a&q=b', 'q', /given once/],
  ['?data=5', 'data', /as data\.<path>=<value> .*, not '5'/],
  ['?data.=5', 'data.', /keys/],
  ['?data.a..b=5', 'data.a..b', /none of them ''/],
  ['?data.a=5&data.a=6', 'data.a', /given once, not 2 times/],
  ['?data.a=5&data.a.b=6', 'data.a.b', /fields below/],
  ['?data.a.b=5&data.a=6', 'data.a', /fields below/],
  ['?data.a=1e999', 'data.a', /would become Infinity/],
  ['?data.__proto__.a=5', 'data.__proto__.a', /none of them '__proto__'/],
  ['?data.a.constructor=5', 'data.a.constructor', /none of them 'constructor'/],
  [`?data.${'a.'.repeat(120)}b=5`, `data${'.a'.repeat(100)}`, /nested deeper/],
  ['?data[]=5', 'data[]', /none of them ''/],
  ['?data[a=5', 'data[a', /brackets/],
  ['?data[a]b=5', 'data[a]b', /brackets/],
  ['?data[a]]=5', 'data[a]]', /brackets/],
  ['?data[a][__proto__]=5', 'data[a][__proto__]', /none of them '__proto__'/],
  ['?data[a]=5&data[a]=6', 'data[a]', /given once, not 2 times/],
  ['?data[a][b]=5&data.a.b=6', 'data.a.b', /given once, not as data\[a\]\[b\] too/],
  ['?data[a][b]=5&data[a]=6', 'data[a]', /fields below/],
  ['?q=%ff', 'q', /UTF-8/],
  ['?q=50%%20', 'q', /write a % as %25/],
  ['?source=caf%E9&limit=1', 'source', /UTF-8/],
  ['?data[a%ff]=5', 'data[a%ff]', /UTF-8/],
  ['/types?data.a=5', 'data.a', /there are none/],
  ['/types?data[a]=5', 'data[a]', /there are none/],
  ['?limit[gt]=5', 'limit[gt]', /is not a parameter here/],
  ['/stream?data.a=5&data.a=6', 'data.a', /given once/],
  ['?__proto__=1', '__proto__', /not a parameter/],
  ['?constructor=1', 'constructor', /not a parameter/],
  ['/range?end=2024-01-01T00:00:00Z', 'start', /is missing: .*RFC 3339/],
  ['/range?start=2024-01-01T00:00:00Z', 'end', /is missing: .*RFC 3339/],
  ['/range?start=&end=2024-01-01T00:00:00Z', 'start', /RFC 3339/],
  ['/range?start=2024-01-01&end=2024-01-01T00:00:00Z', 'start', /not '2024-01-01'/],
  [
    '/range?start=2024-01-01T00:00:00Z&end=2024-01-01T00:00:00+01:00',
    'end',
    /not '2024-01-01T00:00:00 01:00'/,
  ],
  ['/range?start=2024-01-02T00:00:00Z&end=2024-01-01T00:00:00Z', 'end', /before start/],
  ['/range?start=2024-01-01T00:00:00Z&end=2024-01-02T00:00:00Z&since=x', 'since', /not a parameter/],
  ['/stream?types=A!', 'types', /not 'A!'/],
  ['/stream?limit=5', 'limit', /not a parameter/],
  ['/stream?priority=urgent', 'priority', /not 'urgent'/],
  ['/types?x=1', 'x', /there are none/],
  ['/stats?x=1', 'x', /there are none/],
  ['/health?x=1', 'x', /there are none/],
  ['/subscriptions?x=1', 'x', /there are none/],
  ['/some-id?x=1', 'x', /there are none/],
]

/** A body, the field that is wrong, and what the message must say. */
const BODIES: readonly (readonly [string, object | string | undefined, string, RegExp])[] = [
  ['no body', undefined, '', /must be a JSON object/],
  ['null', 'null', '', /must be a JSON object, not null/],
  ['an array', [], '', /must be a JSON object, not an empty array/],
  ['a text', '"text"', '', /must be a JSON object, not 'text'/],
  ['no type', { source: 'x' }, 'type', /is missing/],
  ['no source', { type: 'a' }, 'source', /is missing/],
  ['a type that breaks the rule', { type: 'A b', source: 'x' }, 'type', /not 'A b'/],
  ['a type that is no text', { type: 5, source: 'x' }, 'type', /must be a text, not 5/],
  ['an empty source', { type: 'a', source: '' }, 'source', /1 to 256/],
  ['an unknown field', { type: 'a', source: 'x', titel: '' }, 'titel', /not a field/],
  ['a position', { type: 'a', source: 'x', position: 5 }, 'position', /not a field/],
  ['a priority as text', { type: 'a', source: 'x', priority: '5' }, 'priority', /integer.*not '5'/],
  ['a priority by name', { type: 'a', source: 'x', priority: 'high' }, 'priority', /integer.*not 'high'/],
  ['a priority too high', { type: 'a', source: 'x', priority: 101 }, 'priority', /not 101/],
  ['data that is a list', { type: 'a', source: 'x', data: [] }, 'data', /JSON object, not an empty array/],
  ['a type that is null', { type: null, source: 'x' }, 'type', /not null/],
  ['an unknown field that is null', { type: 'a', source: 'x', titel: null }, 'titel', /not a field/],
  ['tags that are a text', { type: 'a', source: 'x', tags: 'b' }, 'tags', /list/],
  ['a tag that is no text', { type: 'a', source: 'x', tags: ['b', 5] }, 'tags.1', /not 5/],
  ['an empty id', { type: 'a', source: 'x', id: '' }, 'id', /1 to 128/],
  ['a tag that is null', { type: 'a', source: 'x', tags: [null] }, 'tags.0', /not null/],
  ['a title too long', { type: 'a', source: 'x', title: 'x'.repeat(513) }, 'title', /512/],
  ['a ttl below 1', { type: 'a', source: 'x', ttl: 0 }, 'ttl', /not 0/],
  ['a timestamp that is none', { type: 'a', source: 'x', timestamp: 'now' }, 'timestamp', /RFC 3339/],
  [
    '__proto__ in data',
    '{"type":"a","source":"x","data":{"b":[{"__proto__":{}}]}}',
    'data.b.0.__proto__',
    /refused/,
  ],
  [
    '__proto__, escaped',
    '{"type":"a","source":"x","data":{"\\u005f_proto__":1}}',
    'data.__proto__',
    /refused/,
  ],
  [
    'constructor.prototype in data',
    '{"type":"a","source":"x","data":{"constructor":{"prototype":{}}}}',
    'data.constructor',
    /refused/,
  ],
  [
    'data too deep',
    `{"type":"a","source":"x","data":{"a":${'['.repeat(200)}${']'.repeat(200)}}}`,
    '*',
    /nested/,
  ],
  [
    'data so deep that recursion would fail',
    `{"type":"a","source":"x","data":{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`,
    '*',
    /nested/,
  ],
  ['a number beyond all', '{"type":"a","source":"x","data":{"n":1e999}}', 'data.n', /would become Infinity/],
]

describe('400 names the parameter, the value and the rule', () => {
  test.each(QUERIES)('GET %s', async (query, path, message) => {
    const { app } = await eventsApp()
    const answer = await app.inject(URL + query)
    expect(answer.statusCode).toBe(400)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.json()).toMatchObject({
      status: 400,
      code: 'EVENTS_INVALID',
      errors: [{ path, message: expect.stringMatching(message) }],
    })
    expect(answer.json().detail).toContain(path)
  })

  test.each(BODIES)('POST / with %s', async (_name, body, path, message) => {
    const { app, bus } = await eventsApp()
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url: URL, headers, ...(body && { payload: body }) })
    expect(answer.statusCode).toBe(400)
    const { errors, code } = answer.json()
    expect(code).toBe('EVENTS_INVALID')
    expect(errors).toHaveLength(1)
    expect(errors[0].message).toMatch(message)
    if (path !== '*') expect(errors[0].path).toBe(path)
    expect(await bus.count()).toBe(0)
  })

  test('all that is wrong is named at once', async () => {
    const { app } = await eventsApp()
    const answer = await app.inject(`${URL}?limit=x&offset=x&nonsense=1`)
    expect(
      answer
        .json()
        .errors.map(({ path }: { path: string }) => path)
        .sort(),
    ).toEqual(['limit', 'nonsense', 'offset'])
    expect(answer.json().detail).toMatch(/\(and 2 more\)$/)
  })

  test('the same, for a host app whose query parser makes objects', async () => {
    const querystringParser = (text: string) => (text === '' ? {} : { limit: { gt: '5' } })
    const { app } = await eventsApp({ fastify: { routerOptions: { querystringParser } } })
    const answer = await app.inject(`${URL}?limit[gt]=5`)
    expect(answer.json().errors).toEqual([
      { path: 'limit[gt]', message: expect.stringContaining('is not a parameter here') },
    ])
  })

  test.each(['/clear', '/', '/some-id'])(
    'a condition on what is deleted is never ignored: %s',
    async (path) => {
      const { app, bus } = await eventsApp()
      await bus.publish({ type: 'a', source: 'x', id: 'some-id' })
      const method = path === '/clear' ? 'POST' : 'DELETE'
      const byQuery = await app.inject({ method, url: `${URL}${path}?type=b` })
      const byBody = await app.inject({ method, url: `${URL}${path}`, payload: { type: 'b' } })
      expect([byQuery.statusCode, byBody.statusCode]).toEqual([400, 400])
      expect(await bus.count()).toBe(1)
    },
  )
})

describe('bodies that are no JSON', () => {
  test.each([
    ['{"type":', 'application/json', 400, 'HTTP_BAD_JSON'],
    ['{"type":"a","source":"\xff"}', 'application/json', 400, 'HTTP_BAD_JSON'],
    ['type=a&source=x', 'application/x-www-form-urlencoded', 415, 'HTTP_UNSUPPORTED_MEDIA_TYPE'],
    ['{"type":"a","source":"x"}', 'application/json; charset=utf-16', 415, 'HTTP_UNSUPPORTED_MEDIA_TYPE'],
    [
      '{"type":"a","source":"x"}',
      'application/json;charset="ISO-8859-1"',
      415,
      'HTTP_UNSUPPORTED_MEDIA_TYPE',
    ],
    ['{"type":"a","source":"x"}', 'text/plain', 415, 'HTTP_UNSUPPORTED_MEDIA_TYPE'],
    ['{"type":"a","source":"x"}', 'application/jsonp', 415, 'HTTP_UNSUPPORTED_MEDIA_TYPE'],
    ['{"type":"a","source":"x"}', 'nonsense', 415, 'HTTP_UNSUPPORTED_MEDIA_TYPE'],
  ])('%s as %s is %i', async (body, type, status, code) => {
    // The host takes anything; below the prefix that does not count.
    const host = (app: import('fastify').FastifyInstance) =>
      void app.addContentTypeParser(
        '*',
        { parseAs: 'string' },
        async (_request: unknown, text: string) => text,
      )
    const { app } = await eventsApp({ host })
    const payload = Buffer.from(body, 'latin1')
    const answer = await app.inject({ method: 'POST', url: URL, headers: { 'content-type': type }, payload })
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toMatchObject({ code, status })
  })

  test('an oversize body is 413', async () => {
    const { app } = await eventsApp({ module: { bodyLimit: 100 } })
    const answer = await app.inject({ method: 'POST', url: URL, payload: { title: 'x'.repeat(100) } })
    expect(answer.statusCode).toBe(413)
    expect(answer.json().code).toBe('HTTP_BODY_TOO_LARGE')
  })

  test('data larger than the bus takes is 400, and as large as that is stored', async () => {
    const { app } = await eventsApp()
    const post = (size: number) =>
      app.inject({
        method: 'POST',
        url: URL,
        payload: { type: 'a', source: 'x', data: { x: 'x'.repeat(size) } },
      })
    expect((await post(262_144 - 8)).statusCode).toBe(201)
    const tooLarge = await post(262_144 - 7)
    expect(tooLarge.statusCode).toBe(400)
    expect(tooLarge.json().errors[0].path).toBe('data')
  })
})

describe('paths', () => {
  test.each(['/none/such', '/none/such/', '/types/x'])('%s is 404', async (path) => {
    const { app } = await eventsApp()
    const answer = await app.inject(URL + path)
    expect(answer.statusCode).toBe(404)
    expect(answer.json().code).toBe('HTTP_NOT_FOUND')
  })

  test.each([
    ['PUT', '', 'DELETE, GET, HEAD, POST'],
    ['PATCH', '/', 'DELETE, GET, HEAD, POST'],
    ['POST', '/stats', 'GET, HEAD'],
    ['DELETE', '/stats/', 'GET, HEAD'],
    ['POST', '/stream', 'GET, HEAD'],
    ['GET', '/clear', 'POST'],
    ['DELETE', '/clear', 'POST'],
    ['POST', '/some-id', 'DELETE, GET, HEAD'],
    ['PUT', `/${'x'.repeat(128)}`, 'DELETE, GET, HEAD'],
  ] as const)('%s %s is 405, with the methods it takes', async (method, path, allow) => {
    const { app } = await eventsApp()
    const answer = await app.inject({ method, url: URL + path })
    expect(answer.statusCode).toBe(405)
    expect(answer.headers.allow).toBe(allow)
    expect(answer.json().code).toBe('HTTP_METHOD_NOT_ALLOWED')
  })

  test('OPTIONS is answered with the methods', async () => {
    const { app } = await eventsApp()
    const answer = await app.inject({ method: 'OPTIONS', url: `${URL}/stats` })
    expect(answer.statusCode).toBe(204)
    expect(answer.headers.allow).toBe('GET, HEAD')
  })
})

test('every problem repeats title and detail as error and details', async () => {
  const { app } = await eventsApp()
  for (const url of [`${URL}?limit=0`, `${URL}/none`, `${URL}/none/such`]) {
    const problem = (await app.inject(url)).json()
    expect(problem).toMatchObject({
      error: problem.title,
      details: problem.detail,
      status: expect.any(Number),
    })
    expect([...Value.Errors(ProblemSchema, problem)]).toEqual([])
    expect(problem.type).toBe(`urn:viewra:problem:${problem.code}`)
    expect(Object.keys(PROBLEMS)).toContain(problem.code)
  }
})
