import { type Static, Type } from '@sinclair/typebox'
import { type EventBus, systemEvent } from '@viewra/events-core'
import type { FastifyRequest } from 'fastify'
import { principalOf } from '../http/access/principal.ts'
import { clientOf } from '../http/client.ts'
import { EVENT_EXAMPLE } from '../http/event-schema.ts'
import type { Feature } from '../http/feature.ts'
import { NoBody } from '../http/no-body.ts'
import { eventNotFound } from '../http/problem.ts'

const DeletedSchema = Type.Object(
  {
    message: Type.String(),
    event_id: Type.String(),
    success: Type.Literal(true),
  },
  { examples: [{ message: 'Event deleted successfully', event_id: EVENT_EXAMPLE.id, success: true }] },
)

const ClearedSchema = Type.Object(
  {
    message: Type.String(),
    success: Type.Literal(true),
    deleted: Type.Integer({ description: 'How many events there were.' }),
  },
  { examples: [{ message: 'All events cleared successfully', success: true, deleted: 1042 }] },
)

/** Deleting: one event, or all of them. */
export const manageRoutes: Feature = (scope, { bus }) => {
  const params = Type.Object({ id: Type.String() })
  const schema = {
    summary: 'Delete one event',
    tags: ['Managing'],
    params,
    body: NoBody,
    response: { 200: DeletedSchema },
  }
  scope.delete(
    '/:id',
    { schema, config: { role: 'admin', audit: 'audit.event.deleted' } },
    async (request) => {
      const { id } = request.params
      if (!(await bus.delete(id))) throw eventNotFound(id)
      return { message: 'Event deleted successfully', event_id: id, success: true as const }
    },
  )
  const clearing = {
    schema: {
      summary: 'Delete all events',
      tags: ['Managing'],
      body: NoBody,
      response: { 200: ClearedSchema },
    },
    // The event that tells of it is the record.
    config: { role: 'admin', audit: false },
  } as const
  scope.post('/clear', clearing, async (request) => clear(bus, request))
  scope.delete('/', clearing, async (request) => clear(bus, request))
}

async function clear(bus: EventBus, request: FastifyRequest): Promise<Static<typeof ClearedSchema>> {
  const deleted = await bus.clear()
  const recorded = await recordClearing(bus, request, deleted)
  const message = recorded
    ? 'All events cleared successfully'
    : 'All events cleared, but no record of it could be stored'
  return { message, success: true, deleted }
}

/** The first event of the empty log says who emptied it. The events are gone by now, whatever becomes of the record. */
async function recordClearing(bus: EventBus, request: FastifyRequest, deleted: number): Promise<boolean> {
  const client = clientOf(request)
  const principal = principalOf(request)?.name ?? 'unknown'
  const event = systemEvent('info', {
    title: 'Events Cleared',
    message: `${deleted} events were cleared from ${client.ip} with ${client.user_agent}`,
    data: { code: 'events_cleared', component: 'events', details: { deleted, principal, ...client } },
  })
  try {
    await bus.publish(event)
    return true
  } catch (error) {
    request.log.error(
      { err: error, deleted, ...client },
      'events were cleared, but no record of it was stored',
    )
    return false
  }
}
