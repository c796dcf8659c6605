import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Received {
  readonly path: string
  readonly contentType: string | undefined
  readonly event: {
    readonly id: string
    readonly type: string
    readonly data?: Readonly<Record<string, unknown>>
  }
}

/** Responds to the request with this number, counted from 0. */
export type Answer = (response: ServerResponse, request: number, socket: IncomingMessage['socket']) => void

/** Starts a server that records its requests and responds as a test wants. */
export async function httpServer(answer: Answer) {
  const received: Received[] = []
  let connections = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = await request.toArray()
    const event = JSON.parse(Buffer.concat(chunks).toString())
    const { url: path = '', headers, socket } = request
    answer(response, received.push({ path, contentType: headers['content-type'], event }) - 1, socket)
  })
  server.on('connection', () => connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on a TCP port has an address.
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    received,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await server[Symbol.asyncDispose]()
    },
  }
}

export function created(response: ServerResponse): void {
  response.writeHead(201, { 'content-type': 'application/json' }).end('{"duplicate":false}')
}
