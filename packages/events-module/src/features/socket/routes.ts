import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { type Feature, STREAMING } from '../../feature.ts'
import { ticketParameter } from '../../http/access/tickets.ts'
import { authenticationOf } from '../../http/openapi/operation.ts'
import { asyncApiDocument } from './asyncapi.ts'
import { EventSockets } from './event-sockets.ts'
import { Handshake } from './handshake.ts'
import { takeUpgrades, upgradeHead } from './upgrades.ts'

/** The bytes of a message in addition to its event. */
const ENVELOPE_BYTES = 1_024

const AsyncApiSchema = Type.Unsafe<object>(
  Type.Object(
    { asyncapi: Type.String(), info: Type.Object({}, { additionalProperties: true }) },
    {
      $id: 'AsyncApiDocument',
      additionalProperties: true,
      description: 'An AsyncAPI 3 document.',
      examples: [{ asyncapi: '3.1.0', info: { title: 'Viewra events', version: '1.0.0' } }],
    },
  ),
)

/** Many subscriptions over one WebSocket, and publishing; and the document that describes it. */
export const socketFeature: Feature = {
  tag: STREAMING,
  addRoutes(scope, options) {
    const path = `${scope.prefix}/ws`
    takeUpgrades(scope, path)
    // In a scope of its own: its hook is for this route alone.
    scope.register(async (inner) => {
      const sockets = new EventSockets(options)
      // Node lets go of a connection that asks for an upgrade: one that was refused would stay open for ever.
      inner.addHook('onResponse', async ({ raw }) => {
        if (upgradeHead(raw) !== undefined) raw.socket.destroySoon()
      })
      addSocketRoute(inner, sockets, new Handshake(options.bodyLimit + ENVELOPE_BYTES))
      inner.addHook('preClose', async () => sockets.connections.close())
    })
    const authentication = authenticationOf(options)
    const schema = {
      operationId: 'getAsyncApiDocument',
      summary: 'Describe the WebSocket’s messages (AsyncAPI 3)',
      description: 'All messages of the socket at `/ws`, made from the schemas that they are checked by.',
      response: { 200: AsyncApiSchema },
    }
    scope.get('/asyncapi.json', { schema, config: { role: 'anyone' } }, async ({ host, protocol }) =>
      // Clients of HTTP/1.0 need not say which host they ask.
      asyncApiDocument({ host: host || 'localhost', isSecure: protocol === 'https', path }, authentication),
    )
  },
}

function addSocketRoute(scope: FastifyInstance, sockets: EventSockets, handshake: Handshake): void {
  scope.route({
    method: 'GET',
    url: '/ws',
    exposeHeadRoute: false,
    schema: {
      operationId: 'openSocket',
      summary: 'Stream and publish events over a WebSocket',
      description: 'The protocol is described by `/asyncapi.json`. Publishing needs the role of a publisher.',
      querystring: Type.Object({ ticket: ticketParameter }, { additionalProperties: false }),
      // No answer of HTTP's comes after the upgrade.
      response: { 101: Type.Null({ description: 'From here on it is a WebSocket.' }) },
    },
    config: { role: 'viewer', ticket: true },
    // Not in the handler, which a WebSocket plugin of the app replaces by one that accepts messages of any size.
    preHandler: async (request, reply) => {
      sockets.connections.checkOpen()
      const socket = handshake.accept(request, reply)
      if (socket !== undefined) sockets.add(socket, request)
    },
    handler: async () => undefined,
  })
}
