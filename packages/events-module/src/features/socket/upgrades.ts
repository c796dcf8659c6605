import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Hands requests for a WebSocket on, if they are for one path. As soon as somebody listens for upgrades Node answers no
 * request that asks for one: those for other paths, and for other protocols, are answered from here as if they had not
 * asked, unless the app listens itself.
 *
 * @returns a server that never listens and only has those upgrades
 */
export function upgradesOf(app: FastifyInstance, path: string): Server {
  const upgrades = createServer()
  const onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    if (isFor(request, path)) upgrades.emit('upgrade', request, socket, head)
    else if (app.server.listenerCount('upgrade') === 1) answerPlainly(app, request, socket)
  }
  app.server.on('upgrade', onUpgrade)
  app.addHook('onClose', async () => {
    app.server.off('upgrade', onUpgrade)
  })
  return upgrades
}

/** A handshake is a GET; what else asks for an upgrade is answered, and its connection closed, as any other request. */
function isFor({ method, url = '', headers }: IncomingMessage, path: string): boolean {
  const asked = url.split('?', 1)[0]
  return (
    method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    (asked === path || asked === `${path}/`)
  )
}

function answerPlainly(app: FastifyInstance, request: IncomingMessage, socket: Socket): void {
  socket.on('error', () => socket.destroy())
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  // The HTTP parser has let the connection go, so nobody else would close it.
  response.once('finish', () => socket.destroySoon())
  response.assignSocket(socket)
  app.routing(request, response)
}
