import type { FastifyReply, FastifyRequest } from 'fastify'
import { type WebSocket, WebSocketServer } from 'ws'
import { logClientFault } from '../../http/log-client-fault.ts'
import { HttpError, invalidRequest } from '../../http/problem.ts'
import { asksForWebSocket, upgradeHead } from './upgrades.ts'

/** RFC 6455's, the only one that there is. */
const VERSION = '13'

/** Makes WebSockets of requests that a route has taken. */
export class Handshake {
  readonly #server: WebSocketServer
  #refusal: Error | undefined

  /** @param maxBytes of one message; a larger one closes its socket as soon as its size is known */
  constructor(maxBytes: number) {
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: maxBytes,
      // The library would agree to the first one that the client names, whatever that is.
      handleProtocols: () => false,
    })
    // Otherwise the library answers by itself, in HTML.
    this.#server.on('wsClientError', (error) => {
      this.#refusal = error
    })
  }

  /**
   * Answers the request with 101, after which it has no other answer.
   * @returns undefined when the client is gone
   * @throws HttpError HTTP_UPGRADE_REQUIRED for a plain request, EventsError EVENTS_INVALID for a wrong handshake
   */
  accept(request: FastifyRequest, reply: FastifyReply): WebSocket | undefined {
    const { raw } = request
    const head = upgradeHead(raw)
    if (head === undefined || !asksForWebSocket(raw)) throw upgradeRequired()
    const accepted: WebSocket[] = []
    this.#refusal = undefined
    // All of it happens within the call: nothing is asked that takes time.
    this.#server.handleUpgrade(raw, raw.socket, head, (socket) => accepted.push(socket))
    if (this.#refusal !== undefined) {
      reply.header('sec-websocket-version', VERSION)
      throw badHandshake(this.#refusal)
    }
    reply.hijack()
    const [socket] = accepted
    // What a client does to its own connection is no fault of the server; the library closes it.
    socket?.on('error', ({ message }) =>
      logClientFault(request, { reason: message }, 'a WebSocket client broke the protocol'),
    )
    return socket
  }
}

function upgradeRequired(): HttpError {
  return new HttpError('HTTP_UPGRADE_REQUIRED', 'this path takes WebSocket connections only', {
    headers: { upgrade: 'websocket', connection: 'upgrade, close' },
  })
}

/** @param error of the library: it names the header */
function badHandshake({ message }: Error): Error {
  return invalidRequest([{ path: 'headers', message: `must be those of a WebSocket handshake: ${message}` }])
}
