import { EventsError } from '@viewra/events-core'
import type { FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { checkMayPublish, principalOf, requireRole } from '../../http/access/principal.ts'
import { TokenWatch } from '../../http/access/token-watch.ts'
import { requireCurrent } from '../../http/access/tokens.ts'
import { refusePathWord } from '../../http/path-words.ts'
import { HttpError } from '../../http/problem.ts'
import { clientOf } from '../../http/request/client.ts'
import type { ModuleOptions } from '../../options.ts'
import { EventSocket, type SocketClient } from './event-socket.ts'

/** The open sockets of one module. */
export class EventSockets {
  readonly #options: ModuleOptions
  readonly #open = new Set<EventSocket>()
  readonly #tokens: TokenWatch
  #closing = false

  constructor(options: ModuleOptions) {
    this.#options = options
    this.#tokens = new TokenWatch(options.tokens)
  }

  /** @throws HttpError HTTP_SHUTTING_DOWN, EventsError EVENTS_NOT_RUNNING: before the request is upgraded */
  checkOpen(): void {
    if (this.#closing) throw new HttpError('HTTP_SHUTTING_DOWN', 'the server is shutting down')
    if (!this.#options.bus.running)
      throw new EventsError('EVENTS_NOT_RUNNING', 'the event bus is not running')
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
    this.#open.add(open)
    this.#tokens.add(opener, () => open.close('revoked'), open.closed)
    void open.closed.then(() => this.#open.delete(open))
    // The app may have begun to close while the request was upgraded.
    if (this.#closing) open.close('shutdown')
  }

  /** Says goodbye to everybody. Resolves when all are gone; those who do not take their leave are cut off. */
  async close(): Promise<void> {
    this.#closing = true
    for (const socket of this.#open) socket.close('shutdown')
    await Promise.all(Array.from(this.#open, (socket) => socket.closed))
  }
}
