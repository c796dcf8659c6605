import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, EVENTS } from './client.ts'

/** Goes on until the signal is aborted. */
export type Attack = (client: Client, signal: AbortSignal) => Promise<void>

const CONNECTIONS = 1_200
const NEWLINES = Buffer.alloc(32 * 1_024 * 1_024, '\n')
const EMPTY_OBJECTS = Buffer.from(`[${'{},'.repeat(10_000_000)}{}]`)
const PAUSE_MS = 5

/** Each by one client: over one connection, from one address, or with one token. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  'idle connections': async (client, signal) => {
    await Promise.all(Array.from({ length: CONNECTIONS }, () => hold(client, signal, '')))
  },

  'stalled pipelines without a token': async (client, signal) => {
    await hold(client, signal, get('/docs/static/swagger-ui-bundle.js').repeat(4) + get('/stats').repeat(70))
  },

  'stalled pipelines of a viewer': async (client, signal) => {
    const stats = get('/stats', client.authorization('attacker viewer'))
    const text = get('/docs/static/swagger-ui-bundle.js').repeat(4) + stats.repeat(25)
    await Promise.all(Array.from({ length: 20 }, () => hold(client, signal, text)))
  },

  'files that nobody takes': async (client, signal) => {
    const text = get('/docs/static/swagger-ui-bundle.js').repeat(30)
    await Promise.all(Array.from({ length: 200 }, () => hold(client, signal, text)))
  },

  newlines: (client, signal) =>
    clients(4, signal, () => upload(client, 'application/x-ndjson', NEWLINES, signal)),

  'large batches of nothing': (client, signal) =>
    clients(4, signal, () => upload(client, 'application/json', EMPTY_OBJECTS, signal)),

  tickets: (client, signal) =>
    clients(8, signal, async () => {
      const headers = client.authorization('attacker viewer')
      await client.ask(`${EVENTS}/tickets`, { method: 'POST', headers, signal })
    }),

  'refused requests': (client, signal) =>
    clients(8, signal, async () => {
      await client.ask(`${EVENTS}/stats`, { signal })
    }),

  'invented types': (client, signal) =>
    clients(2, signal, async () => {
      const events = Array.from({ length: 1_000 }, () => ({
        type: `attack.t${Math.random().toString(36).slice(2)}`,
        source: `s${Math.random()}`,
      }))
      await upload(client, 'application/json', Buffer.from(JSON.stringify(events)), signal)
      await client.ask(`${EVENTS}/stats`, { headers: client.authorization('attacker viewer'), signal })
    }),

  'large pages': (client, signal) =>
    clients(64, signal, async () => {
      const headers = client.authorization('attacker viewer')
      await client.ask(`${EVENTS}?limit=1000`, { headers, signal })
    }),

  streams: async (client, signal) => {
    const text = get('/stream', client.authorization('attacker viewer'))
    await Promise.all(Array.from({ length: CONNECTIONS }, () => hold(client, signal, text)))
  },

  'abandoned searches': (client, signal) =>
    clients(8, signal, async () => {
      const search = get(`?q=nothing${Math.random()}`, client.authorization('attacker viewer'))
      const socket = await open(client, search)
      await sleep(30)
      socket?.destroy()
    }),

  'descriptions for anyone': (client, signal) =>
    clients(32, signal, async () => {
      await client.ask(`${EVENTS}/openapi.json`, { signal })
    }),
}

/** Keeps a connection on which a text was sent, reads nothing, and opens another one when it ends. */
async function hold(client: Client, signal: AbortSignal, text: string): Promise<void> {
  while (!signal.aborted) {
    const socket = await open(client, text)
    if (socket !== undefined) await Promise.race([once(socket, 'close'), aborted(signal)])
    socket?.destroy()
    if (!signal.aborted) await sleep(100)
  }
}

/** Undefined when the connection is refused. */
async function open(client: Client, text: string): Promise<Socket | undefined> {
  // Another address of this machine than the others have.
  const socket = connect({ port: client.port, host: '127.0.0.1', localAddress: '127.0.0.2' }).pause()
  socket.on('error', () => {})
  socket.write(text)
  await Promise.race([once(socket, 'connect'), once(socket, 'close')])
  if (!socket.destroyed) return socket
  await sleep(100)
  return undefined
}

/** Does something over and over, so many at a time; what fails is done again. */
async function clients(count: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const client = async () => {
    while (!signal.aborted) {
      await work().catch(() => undefined)
      await sleep(PAUSE_MS)
    }
  }
  await Promise.all(Array.from({ length: count }, client))
}

async function upload(client: Client, type: string, body: Buffer, signal: AbortSignal): Promise<void> {
  const headers = { ...client.authorization('attacker publisher'), 'content-type': type }
  await client.ask(`${EVENTS}/batch`, { method: 'POST', headers, signal, agent: false }, body)
}

function get(route: string, headers: ReturnType<Client['authorization']> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${EVENTS}${route} HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}\r\n`
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
