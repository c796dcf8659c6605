import websocket from '@fastify/websocket'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { ticketParameter } from '../../http/access/tickets.ts'
import type { Feature } from '../../http/feature.ts'
import { logClientFault } from '../../http/log-client-fault.ts'
import { authenticationOf } from '../../http/openapi-operation.ts'
import { HttpError } from '../../http/problem.ts'
import type { ModuleOptions } from '../../options.ts'
import { asyncApiDocument } from './asyncapi.ts'
import { EventSockets } from './event-sockets.ts'
import { refuseHandshake } from './refused-handshake.ts'
import { upgradesOf } from './upgrades.ts'

/** Room for what a message has around its event. */
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
export const socketRoutes: Feature = (scope, options) => {
  const path = `${scope.prefix}/ws`
  // In a scope of its own: the plugin changes the handler of every route beside it.
  scope.register(async (inner) => {
    const sockets = new EventSockets(options)
    await acceptUpgrades(inner, path, options)
    // Node lets go of a connection that asks for an upgrade: one that was refused would stay open for ever.
    inner.addHook('onResponse', async (request) => request.raw.socket.destroySoon())
    addSocketRoute(inner, sockets)
    inner.addHook('preClose', async () => sockets.close())
  })
  const authentication = authenticationOf(options)
  const schema = {
    operationId: 'getAsyncApiDocument',
    summary: 'The WebSocket’s protocol as an AsyncAPI 3 document',
    description: 'All messages of the socket at `/ws`, made from the schemas that they are checked by.',
    tags: ['Streaming'],
    response: { 200: AsyncApiSchema },
  }
  scope.get('/asyncapi.json', { schema, config: { role: 'anyone' } }, async ({ host, protocol }) =>
    // Clients of HTTP/1.0 need not say which host they ask.
    asyncApiDocument({ host: host || 'localhost', isSecure: protocol === 'https', path }, authentication),
  )
}

async function acceptUpgrades(
  scope: FastifyInstance,
  path: string,
  { bodyLimit }: ModuleOptions,
): Promise<void> {
  // The app's own takes the upgrades of all routes.
  if (scope.hasDecorator('websocketServer')) return
  await scope.register(websocket, {
    options: {
      server: upgradesOf(scope, path),
      maxPayload: bodyLimit + ENVELOPE_BYTES,
      // The library would agree to the first one that a client asks for.
      handleProtocols: () => false,
    },
    // What a client does to its own connection is no fault of the server; the library closes it.
    errorHandler: (error, _socket, request) =>
      logClientFault(request, { reason: error.message }, 'a WebSocket client broke the protocol'),
    // Sockets are closed below, with a last message.
    preClose: async () => undefined,
  })
  scope.websocketServer.on('wsClientError', refuseHandshake)
}

function addSocketRoute(scope: FastifyInstance, sockets: EventSockets): void {
  scope.route({
    method: 'GET',
    url: '/ws',
    exposeHeadRoute: false,
    schema: {
      operationId: 'openSocket',
      summary: 'Follow and publish events over a WebSocket',
      description: 'The protocol is described by `/asyncapi.json`. Publishing needs the role of a publisher.',
      tags: ['Streaming'],
      querystring: Type.Object({ ticket: ticketParameter }, { additionalProperties: false }),
      // No answer of HTTP's comes after the upgrade.
      response: { 101: Type.Null({ description: 'From here on it is a WebSocket.' }) },
    },
    config: { role: 'viewer', ticket: true },
    preHandler: async () => sockets.checkOpen(),
    handler: async () => {
      throw new HttpError('HTTP_UPGRADE_REQUIRED', 'this path takes WebSocket connections only', {
        headers: { upgrade: 'websocket', connection: 'upgrade, close' },
      })
    },
    wsHandler: (socket, request) => sockets.add(socket, request),
  })
}
