import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { EventInputSchema } from '../http/event-schema.ts'
import type { Feature } from '../http/feature.ts'
import { PATH_WORDS } from '../http/path-words.ts'
import { HttpError, invalidRequest } from '../http/problem.ts'

const PublishedSchema = Type.Object({
  message: Type.String(),
  event_id: Type.String(),
  position: Type.Optional(Type.Integer({ description: 'Absent for an event that is not stored.' })),
  duplicate: Type.Boolean({
    description: 'The store had an event of this id: nothing was stored or delivered.',
  }),
})

/** Publishing: answered once the event is stored. */
export const publishRoutes: Feature = (scope, { bus }) => {
  const schema = {
    summary: 'Publish an event',
    tags: ['Publishing'],
    body: EventInputSchema,
    response: { 201: PublishedSchema },
  }
  scope.post('/', { schema, config: { role: 'publisher' } }, async (request, reply) => {
    refusePathWord(request.body.id)
    const { id, position, duplicate } = await bus.publish(request.body, { signal: abortedWith(reply) })
    const message = duplicate ? 'Event was published before' : 'Event published successfully'
    const place = position === undefined ? {} : { position }
    return reply.code(201).send({ message, event_id: id, ...place, duplicate })
  })
}

function refusePathWord(id: string | undefined): void {
  if (id === undefined || !PATH_WORDS.has(id)) return
  throw invalidRequest([{ path: 'id', message: `must not be '${id}', which is a path of this API` }])
}

/**
 * Aborted when the client is gone before it was answered: an event that waits for room would be stored for nobody,
 * and sent again by a client that never heard of it.
 */
function abortedWith(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  const gone = () => {
    if (!reply.raw.writableFinished)
      controller.abort(new HttpError('HTTP_CLIENT_GONE', 'the client did not wait'))
  }
  reply.raw.once('close', gone)
  return controller.signal
}
