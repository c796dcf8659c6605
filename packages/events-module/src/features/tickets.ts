import { Type } from '@sinclair/typebox'
import type { Feature } from '../feature.ts'
import { principalOf } from '../http/access/principal.ts'
import type { Tickets } from '../http/access/tickets.ts'
import { dateTime } from '../http/event-schema.ts'
import { NoBody } from '../http/request/no-body.ts'

const TicketSchema = Type.Object(
  {
    ticket: Type.String({ description: 'For `?ticket=` of one `GET /stream` or `GET /ws`.' }),
    expires_at: dateTime('RFC 3339.'),
  },
  {
    $id: 'Ticket',
    description: 'Stands for a token, once.',
    examples: [{ ticket: 'n2Jx…', expires_at: '2026-01-31T18:30:30.000Z' }],
  },
)

/** Tickets for pages: EventSource and WebSocket cannot send a token in a header. */
export const ticketsFeature = (tickets: Tickets): Feature => ({
  tag: { name: 'Access', description: 'Who may do what.' },
  addRoutes(scope) {
    const schema = {
      operationId: 'createTicket',
      summary: 'Create a ticket, with which a web page opens one stream',
      description: 'For pages: EventSource and WebSocket cannot send a token in a header.',
      body: NoBody,
      response: { 201: TicketSchema },
    }
    scope.post('/tickets', { schema, config: { role: 'viewer' } }, async (request, reply) => {
      const principal = principalOf(request) ?? { name: 'anyone', role: 'viewer' }
      const { ticket, expiresMs } = tickets.issue(principal, Date.now())
      reply.header('cache-control', 'no-store')
      return reply.code(201).send({ ticket, expires_at: new Date(expiresMs).toISOString() })
    })
  },
})
