import type { FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { checkMayPublish, principalOf, requireRole } from '../../http/access/principal.ts'
import { requireCurrent } from '../../http/access/tokens.ts'
import { OpenConnections } from '../../http/connections/open-connections.ts'
import { refusePathWord } from '../../http/path-words.ts'
import { clientOf } from '../../http/request/client.ts'
import type { ModuleOptions } from '../../options.ts'
import { EventSocket, type SocketClient } from './event-socket.ts'

/** The open sockets of one module. */
export class EventSockets {
  readonly #options: ModuleOptions
  readonly connections: OpenConnections

  constructor(options: ModuleOptions) {
    this.#options = options
    this.connections = new OpenConnections(options)
  }

  add(socket: WebSocket, request: FastifyRequest): void {
    const connection = request.raw.socket
    // The host's inactivity time-out is meant for requests; a quiet socket is not idle.
    connection.setTimeout(0)
    const opener = principalOf(request)
    const { tokens } = this.#options
    const mayPublish: SocketClient['mayPublish'] = (event) => {
      refusePathWord(request.server, event.id, 'id')
      // A socket may outlive the token that opened it, or what that could do.
      const principal =
        tokens === undefined || opener === undefined ? opener : requireCurrent(tokens(), opener)
      requireRole(principal, 'publisher')
      checkMayPublish(principal, event)
    }
    const client = { ip: clientOf(request).ip, mayPublish }
    const open = new EventSocket(socket, connection, client, this.#options)
    this.connections.add(open, opener)
    // The app may have begun to close while the request was upgraded.
    if (this.connections.isClosing) open.close('shutdown')
  }
}
