import type { IncomingHttpHeaders } from 'node:http'
import { type Static, Type } from '@sinclair/typebox'
import { type Feature, STREAMING } from '../../feature.ts'
import { ticketParameter } from '../../http/access/tickets.ts'
import type { FeedStart } from '../../http/log-cursor.ts'
import { invalidRequest } from '../../http/problem.ts'
import { filterOf, selectionParameters, timeOf, timeParameter } from '../../http/request/filter-parameters.ts'
import { EventStreams, STREAM_HEADERS } from './event-streams.ts'
import { cloudEventsFormat, plainFormat } from './frames.ts'

const StreamQuery = Type.Object(
  {
    ...selectionParameters,
    ticket: ticketParameter,
    after: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Goes on behind this cursor: the `id` of the last frame that was taken.',
      }),
    ),
    lastEventId: Type.Optional(
      Type.String({
        description:
          'As the header `Last-Event-ID`, for clients that send it in the query, such as event-source-polyfill.',
      }),
    ),
    from: Type.Optional(
      Type.Union([Type.Literal('beginning'), Type.Literal('now')], {
        description: 'Without a cursor: with all that is kept, or with what comes from now on.',
      }),
    ),
    format: Type.Optional(
      Type.Union([Type.Literal('events'), Type.Literal('cloudevents')], {
        description: 'Unnamed messages with events as they are, or named ones with events as CloudEvents.',
      }),
    ),
    since: Type.Optional(
      timeParameter(
        'Events whose `timestamp` is not before it; without a cursor or `from`, from the beginning.',
      ),
    ),
  },
  { additionalProperties: false },
)

const LAST_EVENT_ID = 'last-event-id'
const RESUME = {
  [LAST_EVENT_ID]: Type.String({
    description: 'The `id` of the last frame that was taken; counts more than `after`.',
  }),
}

const StreamSchema = {
  description: 'Frames, for as long as the client stays.',
  content: { 'text/event-stream': { schema: Type.String() } },
}

/** Server-sent events: what is published from now on, or from a place in the log. */
export const streamFeature: Feature = {
  tag: STREAMING,
  addRoutes(scope, options) {
    const streams = new EventStreams(options)
    const schema = {
      operationId: 'streamEvents',
      summary: 'Stream events as server-sent events',
      description:
        'Every matching event from a place in the log on, each once and in order; then what is published. A client that ' +
        'lost the stream sends the last `id` as the header `Last-Event-ID`, or as `after`.',
      querystring: StreamQuery,
      response: { 200: StreamSchema },
    }
    scope.get(
      '/stream',
      { schema, config: { role: 'viewer', ticket: true, headers: RESUME }, exposeHeadRoute: false },
      async (request, reply) => {
        const { after, from, since, format, lastEventId: _, ...selection } = request.query
        const filter = filterOf({
          ...selection,
          ...(since !== undefined && { since: timeOf('since', since) }),
        })
        const start = startOf(request.query, request.headers)
        const wanted = { filter, start, format: format === 'cloudevents' ? cloudEventsFormat : plainFormat }
        await streams.open(wanted, request, reply)
        return reply
      },
    )
    // Fastify's own would run the handler above, whose answer has no end.
    const headSchema = { ...schema, response: {} }
    scope.head(
      '/stream',
      { schema: headSchema, config: { role: 'viewer', ticket: true } },
      async (_request, reply) => reply.headers(STREAM_HEADERS).send(),
    )
    scope.addHook('preClose', async () => streams.connections.close())
  },
}

/**
 * A client that connects again sends the same query, and beside it the header, or a parameter that stands for the
 * header: these know better.
 */
function startOf(
  { after, from, since, lastEventId }: Static<typeof StreamQuery>,
  headers: IncomingHttpHeaders,
): FeedStart {
  if (after !== undefined && from !== undefined)
    throw invalidRequest([{ path: 'from', message: 'has no meaning with after; give one of them' }])
  const last = headers[LAST_EVENT_ID]
  const start = { from: from ?? (since === undefined ? 'now' : 'beginning') } as const
  if (typeof last === 'string' && last !== '') return { ...start, after: last, parameter: 'Last-Event-ID' }
  if (lastEventId) return { ...start, after: lastEventId, parameter: 'lastEventId' }
  return { ...start, after, parameter: 'after' }
}
