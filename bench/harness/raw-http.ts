import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Figures, quantile } from './contest.ts'

const HEADERS_END = '\r\n\r\n'

/** Returns a request as sent over the wire, created once and sent as often as needed. */
export function requestText(method: 'GET' | 'POST', path: string, body?: string): string {
  const length =
    body === undefined
      ? ''
      : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${length}\r\n${body ?? ''}`
}

/**
 * Opens connections, each of which sends its next request when the last one was answered. Does as little as possible
 * per request, because it shares the processor with the server under test.
 * @param next returns the request to send; called for each
 * @throws Error if a response is not a success
 */
export async function load(
  port: number,
  connections: number,
  roundMs: number,
  next: () => string,
): Promise<Figures> {
  const latencies: number[] = []
  const until = performance.now() + roundMs
  const clients = await Promise.all(Array.from({ length: connections }, () => opened(port)))
  const began = performance.now()
  await Promise.all(clients.map((socket) => talk(socket, next, until, latencies)))
  const seconds = (performance.now() - began) / 1_000
  for (const socket of clients) socket.destroy()
  return {
    'requests/s': latencies.length / seconds,
    'p50 ms': quantile(latencies, 0.5),
    'p99 ms': quantile(latencies, 0.99),
  }
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  return socket.setEncoding('latin1')
}

function talk(socket: Socket, next: () => string, until: number, latencies: number[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let sent = performance.now()
  let answer = ''
  socket.on('data', (text: string) => {
    answer += text
    if (!isWhole(answer)) return
    if (!answer.startsWith('HTTP/1.1 2')) {
      reject(new Error(`the server returned ${answer.slice(0, 500)}`))
      return
    }
    answer = ''
    const now = performance.now()
    latencies.push(now - sent)
    sent = now
    if (now < until) socket.write(next())
    else resolve()
  })
  socket.on('error', reject)
  socket.write(next())
  return promise
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf(HEADERS_END)
  if (end === -1) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1]
  return answer.length >= end + HEADERS_END.length + Number(length ?? 0)
}
