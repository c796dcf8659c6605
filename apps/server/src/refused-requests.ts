import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyError, FastifyReply, FastifyRequest } from 'fastify'

interface Refusal {
  readonly status: number
  readonly code: string
  readonly detail: string
}

const MALFORMED: Refusal = {
  status: 400,
  code: 'HTTP_MALFORMED',
  detail: 'this is not a request of HTTP/1.1',
}

/** What Node's parser gives up on, by its error's code. */
const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    refusal(431, 'HTTP_HEADERS_TOO_LARGE', 'path and headers must have at most 16 KiB'),
  ],
  ['ERR_HTTP_REQUEST_TIMEOUT', refusal(408, 'HTTP_REQUEST_TIMEOUT', 'the request took too long to arrive')],
])

/** Answers a URL that no route ever sees, because it cannot be decoded or is too long, in the form of all other errors. */
export function refuseUrl(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode: status = 400, code, message: detail } = error
  void reply.code(status).type('application/problem+json').send(problemText({ status, code, detail }))
}

/** Answers what is no request in the same form, and hangs up: where the next one would begin nobody knows. */
export function refuseConnection(error: ConnectionError, socket: Socket): void {
  // It may be told of more than once while what was sent before is still to be taken.
  if (error.code === 'ECONNRESET' || socket.destroyed || socket.writableEnded) return
  const refused = REFUSALS.get(error.code) ?? MALFORMED
  const body = problemText(refused)
  const lines = [
    `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  if (socket.writable) socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

function refusal(status: number, code: string, detail: string): Refusal {
  return { status, code, detail }
}

/** As RFC 9457 has it, with `error` and `details` for the clients that know these two. */
function problemText({ status, code, detail }: Refusal): string {
  const title = STATUS_CODES[status] ?? 'Error'
  return JSON.stringify({ type: 'about:blank', title, status, detail, code, error: title, details: detail })
}
