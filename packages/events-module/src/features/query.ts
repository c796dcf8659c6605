import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { EventBus, EventFilter } from '@viewra/events-core'
import type { FastifyReply } from 'fastify'
import { prefers } from '../http/accept.ts'
import { AnsweredCloudEventSchema, CLOUD_EVENT_EXAMPLE, toCloudEvent } from '../http/cloudevents.ts'
import { readCursor, writeCursor } from '../http/cursor.ts'
import { EVENT_EXAMPLE, EventSchema } from '../http/event-schema.ts'
import type { EventsScope, Feature } from '../http/feature.ts'
import { filterOf, selectionParameters, timeOf } from '../http/filter-parameters.ts'
import { addToHeader } from '../http/list-header.ts'
import { eventNotFound, invalidRequest } from '../http/problem.ts'

const RFC_3339 = 'an RFC 3339 time; write a + in it as %2B'

const CLOUD_EVENT = 'application/cloudevents+json'
const CLOUD_EVENTS = 'application/cloudevents-batch+json'

/** The parameters of a page. `cursor` goes on where a page ended; `offset` repeats and skips while events arrive. */
const pageParameters = (limit: number) => ({
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: limit }),
  offset: Type.Integer({ minimum: 0, maximum: 1_000_000_000, default: 0 }),
  cursor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 512, rule: 'the next_cursor of the page before' }),
  ),
  order: Type.Union([Type.Literal('asc'), Type.Literal('desc')], { default: 'desc' }),
  count: Type.Union([Type.Literal('exact'), Type.Literal('none')], { default: 'exact' }),
})

const ListQuery = Type.Object(
  {
    ...pageParameters(50),
    ...selectionParameters,
    since: Type.Optional(Type.String({ minLength: 1, rule: RFC_3339 })),
    until: Type.Optional(Type.String({ minLength: 1, rule: RFC_3339 })),
  },
  { additionalProperties: false },
)

const RangeQuery = Type.Object(
  {
    ...pageParameters(100),
    ...selectionParameters,
    start: Type.String({ minLength: 1, rule: RFC_3339 }),
    end: Type.String({ minLength: 1, rule: RFC_3339 }),
  },
  { additionalProperties: false },
)

const PAGE_EXAMPLE = { events: [EVENT_EXAMPLE], total: 1, limit: 50, offset: 0 }

const PageSchema = Type.Object(
  {
    events: Type.Array(EventSchema),
    total: Type.Optional(Type.Integer({ description: 'Of all pages; absent with `count=none`.' })),
    limit: Type.Integer(),
    offset: Type.Integer(),
    next_cursor: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
  },
  { examples: [PAGE_EXAMPLE] },
)
const RangePageSchema = Type.Object(
  { ...PageSchema.properties, start: Type.String(), end: Type.String() },
  { examples: [{ ...PAGE_EXAMPLE, start: '2026-01-31T00:00:00.000Z', end: '2026-01-31T23:59:59.999Z' }] },
)

/** What else is answered to whom it suits better. */
const listAnswers = (schema: TSchema) => ({
  200: {
    content: {
      'application/json': { schema },
      [CLOUD_EVENTS]: { schema: Type.Array(AnsweredCloudEventSchema, { examples: [[CLOUD_EVENT_EXAMPLE]] }) },
    },
  },
})

type Page = Static<typeof PageSchema>
type PageQuery = Static<typeof ListQuery> | Static<typeof RangeQuery>

/** Reading: a page of all events, of a time range, or one event. */
export const queryRoutes: Feature = (scope, { bus }) => {
  addList(scope, bus)
  addRange(scope, bus)
  addGet(scope, bus)
}

function addList(scope: EventsScope, bus: EventBus): void {
  scope.get(
    '/',
    {
      schema: {
        summary: 'A page of events',
        tags: ['Reading'],
        querystring: ListQuery,
        response: listAnswers(PageSchema),
      },
      config: { role: 'viewer' },
    },
    async (request, reply) => {
      return answerPage(await readPage(bus, filterOf(request.query), request.query, reply), reply)
    },
  )
}

function addRange(scope: EventsScope, bus: EventBus): void {
  const schema = {
    summary: 'A page of the events of a time range',
    tags: ['Reading'],
    querystring: RangeQuery,
    response: listAnswers(RangePageSchema),
  }
  scope.get('/range', { schema, config: { role: 'viewer' } }, async (request, reply) => {
    const { start, end } = rangeOf(request.query)
    const filter = { ...filterOf(request.query), since: start, until: end }
    return answerPage({ ...(await readPage(bus, filter, request.query, reply)), start, end }, reply)
  })
}

function addGet(scope: EventsScope, bus: EventBus): void {
  const schema = {
    summary: 'One event',
    tags: ['Reading'],
    params: Type.Object({ id: Type.String() }),
    response: {
      200: {
        content: {
          'application/json': { schema: EventSchema },
          [CLOUD_EVENT]: { schema: AnsweredCloudEventSchema },
        },
      },
    },
  }
  scope.get('/:id', { schema, config: { role: 'viewer' } }, async (request, reply) => {
    const { id } = request.params
    const event = await bus.get(id)
    if (event === undefined) throw eventNotFound(id)
    return reply.send(prefers(CLOUD_EVENT, reply) ? toCloudEvent(event) : event)
  })
}

/** Both ends in UTC with milliseconds, under the names that this route has for them. */
function rangeOf(query: Static<typeof RangeQuery>): { readonly start: string; readonly end: string } {
  const start = timeOf('start', query.start)
  const end = timeOf('end', query.end)
  // Both are of one form, whose alphabetical order is that of time.
  if (start > end) throw invalidRequest([{ path: 'end', message: `must not be before start, ${start}` }])
  return { start, end }
}

/** Sends the page, or only its events as CloudEvents, whose format has no room for more: the headers lead on. */
function answerPage(page: Page | Static<typeof RangePageSchema>, reply: FastifyReply): FastifyReply {
  return reply.send(prefers(CLOUD_EVENTS, reply) ? page.events.map(toCloudEvent) : page)
}

async function readPage(
  bus: EventBus,
  filter: EventFilter,
  query: PageQuery,
  reply: FastifyReply,
): Promise<Page> {
  const { limit, offset, order, count, cursor } = query
  if (cursor !== undefined && offset > 0) {
    throw invalidRequest([
      { path: 'offset', message: 'must not be given with a cursor, which has its place already' },
    ])
  }
  const scope = { epoch: (await bus.head()).epoch, order, filter }
  const after = cursor === undefined ? {} : { after: readCursor(cursor, scope) }
  const { events, total, next } = await bus.list({ filter, order, limit, offset, count, ...after })
  const page = { events: [...events], ...(total !== undefined && { total }), limit, offset }
  if (next === undefined) return page
  const nextCursor = writeCursor(next, scope)
  sayNext(reply, nextCursor)
  return { ...page, next_cursor: nextCursor }
}

/** Proxies such as nginx have room for 4 KiB of headers in all, and answer 502 for more. */
const MAX_LINK_LENGTH = 2_048

/** Names the next page in the headers. A link that would be too large is left out: the cursor is enough. */
function sayNext(reply: FastifyReply, cursor: string): void {
  reply.header('next-cursor', cursor)
  const link = `<${nextReference(reply.request.url, cursor)}>; rel="next"`
  if (link.length <= MAX_LINK_LENGTH) addToHeader(reply, 'link', link)
}

/** The same request for the next page, without host and path, which a proxy may have changed: the client knows them. */
function nextReference(url: string, cursor: string): string {
  const start = url.indexOf('?')
  const parameters = new URLSearchParams(start < 0 ? '' : url.slice(start))
  parameters.delete('offset')
  parameters.set('cursor', cursor)
  return `?${parameters}`
}
