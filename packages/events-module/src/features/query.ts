import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { EventBus, EventFilter } from '@viewra/events-core'
import type { FastifyReply } from 'fastify'
import type { EventsScope, Feature } from '../feature.ts'
import {
  AnsweredCloudEventSchema,
  CLOUD_EVENT_EXAMPLE,
  toCloudEvent,
} from '../http/cloudevents/cloudevent.ts'
import { dateTime, EVENT_EXAMPLE, EventIdSchema, EventSchema, int64 } from '../http/event-schema.ts'
import { readCursor, writeCursor } from '../http/page-cursor.ts'
import { eventNotFound, invalidRequest } from '../http/problem.ts'
import { prefers } from '../http/request/accept.ts'
import { filterOf, selectionParameters, timeOf, timeParameter } from '../http/request/filter-parameters.ts'
import { addToHeader } from '../http/request/list-header.ts'
import { type Ask, timedQueries } from '../http/timed-queries.ts'

const CLOUD_EVENT = 'application/cloudevents+json'
const CLOUD_EVENTS = 'application/cloudevents-batch+json'

/** The parameters of a page. `cursor` goes on where a page ended; `offset` repeats and skips while events arrive. */
const pageParameters = (limit: number) => ({
  limit: Type.Integer({ minimum: 1, maximum: 1_000, default: limit, description: 'Events of a page.' }),
  offset: Type.Integer({
    minimum: 0,
    maximum: 1_000_000_000,
    default: 0,
    description: 'Events to skip. Repeats and skips some while others arrive: prefer `cursor`.',
  }),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 512,
      rule: 'the next_cursor of the page before',
      description: 'The `next_cursor` of the page before: goes on exactly there.',
    }),
  ),
  order: Type.Union([Type.Literal('asc'), Type.Literal('desc')], {
    $id: 'Order',
    default: 'desc',
    description: 'By position: the newest first, or the oldest.',
  }),
  count: Type.Union([Type.Literal('exact'), Type.Literal('none')], {
    $id: 'CountMode',
    default: 'exact',
    description: '`none` leaves `total` out.',
  }),
})

const ListQuery = Type.Object(
  {
    ...pageParameters(50),
    ...selectionParameters,
    since: Type.Optional(timeParameter('The earliest `timestamp`, inclusive.')),
    until: Type.Optional(timeParameter('The latest `timestamp`, inclusive.')),
  },
  { additionalProperties: false },
)

const RangeQuery = Type.Object(
  {
    ...pageParameters(100),
    ...selectionParameters,
    start: timeParameter('The earliest `timestamp`, inclusive.'),
    end: timeParameter('The latest `timestamp`, inclusive.'),
  },
  { additionalProperties: false },
)

const PAGE_EXAMPLE = { events: [EVENT_EXAMPLE], total: 1, limit: 50, offset: 0 }

const PageSchema = Type.Object(
  {
    events: Type.Array(EventSchema),
    total: Type.Optional(int64('Of all pages; absent with `count=none`.')),
    limit: Type.Integer(),
    offset: Type.Integer(),
    next_cursor: Type.Optional(Type.String({ description: 'Absent on the last page.' })),
  },
  { $id: 'EventPage', description: 'A page of events.', examples: [PAGE_EXAMPLE] },
)
const RangePageSchema = Type.Object(
  { ...PageSchema.properties, start: dateTime('In UTC.'), end: dateTime('In UTC.') },
  {
    $id: 'EventRangePage',
    description: 'A page of the events of a time range.',
    examples: [{ ...PAGE_EXAMPLE, start: '2026-01-31T00:00:00.000Z', end: '2026-01-31T23:59:59.999Z' }],
  },
)

const CloudEventBatchSchema = Type.Array(AnsweredCloudEventSchema, {
  $id: 'CloudEventBatch',
  description: 'The events of a page as CloudEvents; the next page is in the headers.',
  examples: [[CLOUD_EVENT_EXAMPLE]],
})
const NEXT_PAGE = {
  'Next-Cursor': Type.String({ description: 'The `cursor` of the next page; absent on the last page.' }),
  Link: Type.String({
    description:
      'A reference to the next page, with `rel="next"`; absent on the last page, and when it is long.',
  }),
}

/** The page, or what else is answered to whom it suits better. */
const listAnswers = <S extends TSchema>(schema: S) => ({
  200: {
    description: 'A page of events, and where the next one is.',
    headers: NEXT_PAGE,
    content: { 'application/json': { schema }, [CLOUD_EVENTS]: { schema: CloudEventBatchSchema } },
  },
})

type Page = Static<typeof PageSchema>
type PageQuery = Static<typeof ListQuery> | Static<typeof RangeQuery>

/** Reading: a page of all events, of a time range, or one event. */
export const queryFeature: Feature = {
  tag: { name: 'Reading', description: 'Stored events: pages, time ranges, one event.' },
  addRoutes(scope, { bus, queryTimeoutMs }) {
    const pages = { bus, ask: timedQueries(scope, queryTimeoutMs) }
    addList(scope, pages)
    addRange(scope, pages)
    addGet(scope, bus)
  },
}

/** The source of pages. */
interface Pages {
  readonly bus: EventBus
  readonly ask: Ask
}

function addList(scope: EventsScope, pages: Pages): void {
  scope.get(
    '/',
    {
      schema: {
        operationId: 'listEvents',
        summary: 'List events, newest first',
        description: 'Events that match all conditions, the newest first unless `order` says otherwise.',
        querystring: ListQuery,
        response: listAnswers(PageSchema),
      },
      config: { role: 'viewer' },
    },
    async (request, reply) => {
      return answerPage(await readPage(pages, filterOf(request.query), request.query, reply), reply)
    },
  )
}

function addRange(scope: EventsScope, pages: Pages): void {
  const schema = {
    operationId: 'listEventsInRange',
    summary: 'List the events between two times',
    description: 'As the list of events, between two times that are required and inclusive.',
    querystring: RangeQuery,
    response: listAnswers(RangePageSchema),
  }
  scope.get('/range', { schema, config: { role: 'viewer' } }, async (request, reply) => {
    const { start, end } = rangeOf(request.query)
    const filter = { ...filterOf(request.query), since: start, until: end }
    return answerPage({ ...(await readPage(pages, filter, request.query, reply)), start, end }, reply)
  })
}

function addGet(scope: EventsScope, bus: EventBus): void {
  const schema = {
    operationId: 'getEvent',
    summary: 'Get one event',
    description: 'The event of this id, as it is stored.',
    params: EventIdSchema,
    response: {
      200: {
        description: 'The event.',
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
  { bus, ask }: Pages,
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
  const wanted = { filter, order, limit, offset, count, ...after }
  const { events, total, next } = await ask(reply, (signal) => bus.list(wanted, { signal }))
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

/** Returns the same request for the next page, without host and path, which a proxy may have changed; the client knows them. */
function nextReference(url: string, cursor: string): string {
  const start = url.indexOf('?')
  const parameters = new URLSearchParams(start < 0 ? '' : url.slice(start))
  parameters.delete('offset')
  parameters.set('cursor', cursor)
  return `?${parameters}`
}
