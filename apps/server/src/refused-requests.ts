import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { HttpError, problemOf } from '@viewra/events-module'
import type { ConnectionError } from 'fastify'

const MALFORMED = new HttpError('HTTP_MALFORMED', 'this is not an HTTP/1.1 request')

/** Errors of Node's HTTP parser, by code. */
const REFUSALS: ReadonlyMap<string, HttpError> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    new HttpError('HTTP_HEADERS_TOO_LARGE', 'path and headers must have at most 16 KiB'),
  ],
  ['ERR_HTTP_REQUEST_TIMEOUT', new HttpError('HTTP_REQUEST_TIMEOUT', 'the request took too long to arrive')],
])

/** Answers bytes that are not a request with a problem, and hangs up: nobody knows where the next request would begin. */
export function refuseConnection(error: ConnectionError, socket: Socket): void {
  // Node may report several errors of one connection while the client has yet to read the answer.
  if (error.code === 'ECONNRESET' || socket.destroyed || socket.writableEnded) return
  const problem = problemOf(REFUSALS.get(error.code) ?? MALFORMED)
  const body = JSON.stringify(problem)
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  if (socket.writable) socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}
