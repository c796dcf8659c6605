import type { Duplex } from 'node:stream'
import { problemOf } from '../../http/error-handler.ts'
import { invalidRequest } from '../../http/problem.ts'

/**
 * Answers a request whose headers are no handshake with a problem, as other requests are, and closes its connection. The
 * request has left Fastify by then, and the WebSocket library by itself answers in HTML.
 *
 * @param error of the library: it names the header
 */
export function refuseHandshake(error: Error, socket: Duplex): void {
  const issue = { path: 'headers', message: `must be those of a WebSocket handshake: ${error.message}` }
  const body = JSON.stringify(problemOf(invalidRequest([issue])))
  const lines = [
    'HTTP/1.1 400 Bad Request',
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Sec-WebSocket-Version: 13',
    'Connection: close',
  ]
  socket.once('finish', () => socket.destroy())
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}
