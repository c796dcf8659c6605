import { type Static, Type } from '@sinclair/typebox'
import { type EventBus, guardedLogger, systemEvent, userEvent } from '@viewra/events-core'
import type { FastifyRequest } from 'fastify'
import type { Feature } from '../feature.ts'
import { principalOf } from '../http/access/principal.ts'
import { EVENT_EXAMPLE, EventIdSchema, int64 } from '../http/event-schema.ts'
import { eventNotFound } from '../http/problem.ts'
import { clientOf } from '../http/request/client.ts'
import { NoBody } from '../http/request/no-body.ts'

const DeletedSchema = Type.Object(
  {
    message: Type.String(),
    event_id: Type.String(),
    success: Type.Literal(true),
  },
  {
    $id: 'DeleteResult',
    description: 'The event is gone.',
    examples: [{ message: 'Event deleted successfully', event_id: EVENT_EXAMPLE.id, success: true }],
  },
)

const ClearedSchema = Type.Object(
  {
    message: Type.String(),
    success: Type.Literal(true),
    deleted: int64('How many events there were.'),
  },
  {
    $id: 'ClearResult',
    description: 'All events are gone.',
    examples: [{ message: 'All events cleared successfully', success: true, deleted: 1042 }],
  },
)

/** Deleting: one event, or all of them. */
export const manageFeature: Feature = {
  tag: { name: 'Managing', description: 'Removing events.' },
  addRoutes(scope, { bus }) {
    const schema = {
      operationId: 'deleteEvent',
      summary: 'Delete one event',
      description: 'Leaves a record of type `audit.event.deleted`.',
      params: EventIdSchema,
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
    const clearing = (operationId: string) =>
      ({
        schema: {
          operationId,
          summary: 'Delete all events',
          description:
            'Leaves an event titled "Events Cleared", and a record of type `audit.events.cleared`, that say who did it. ' +
            'Positions go on from where they were.',
          body: NoBody,
          response: { 200: ClearedSchema },
        },
        // The record comes together with the event that tells people.
        config: { role: 'admin', audit: false },
      }) as const
    scope.post('/clear', clearing('clearEvents'), async (request) => clear(bus, request))
    scope.delete('/', clearing('deleteEvents'), async (request) => clear(bus, request))
  },
}

async function clear(bus: EventBus, request: FastifyRequest): Promise<Static<typeof ClearedSchema>> {
  const deleted = await bus.clear()
  const recorded = await recordClearing(bus, request, deleted)
  const message = recorded
    ? 'All events cleared successfully'
    : 'All events cleared, but no record of it could be stored'
  return { message, success: true, deleted }
}

/**
 * Publishes who emptied the log: for people, and as a record, which unlike the former nobody else can publish. The events
 * are gone by now, whatever becomes of these two.
 */
async function recordClearing(bus: EventBus, request: FastifyRequest, deleted: number): Promise<boolean> {
  const client = clientOf(request)
  const principal = principalOf(request)?.name ?? 'unknown'
  const told = systemEvent('info', {
    title: 'Events Cleared',
    message: `${deleted} events were cleared from ${client.ip} with ${client.user_agent}`,
    data: { code: 'events_cleared', component: 'events', details: { deleted, principal, ...client } },
  })
  const record = userEvent(principal, 'audit.events.cleared', {
    title: 'Delete all events',
    data: { principal, ...client, deleted },
  })
  try {
    await bus.publishMany([told, record])
    return true
  } catch (error) {
    guardedLogger(request.log).error(
      { err: error, deleted, ...client },
      'events were cleared, but no record of it was stored',
    )
    return false
  }
}
