import { Type } from '@sinclair/typebox'
import type { Feature } from '../../http/feature.ts'
import { filterOf, selectionParameters } from '../../http/filter-parameters.ts'
import { EventStreams, STREAM_HEADERS } from './event-streams.ts'

const StreamQuery = Type.Object(selectionParameters, { additionalProperties: false })

/** Server-sent events: what is published from now on. */
export const streamRoutes: Feature = (scope, options) => {
  const streams = new EventStreams(options)
  const schema = {
    summary: 'Follow events as server-sent events',
    tags: ['Streaming'],
    querystring: StreamQuery,
  }
  scope.get(
    '/stream',
    { schema, config: { role: 'viewer' }, exposeHeadRoute: false },
    async (request, reply) => {
      await streams.open(filterOf(request.query), request, reply)
      return reply
    },
  )
  // Fastify's own would run the handler above, whose answer has no end.
  scope.head('/stream', { schema, config: { role: 'viewer' } }, async (_request, reply) =>
    reply.headers(STREAM_HEADERS).send(),
  )
  scope.addHook('preClose', async () => streams.close())
}
