// Puts many clients on one server: some follow over SSE, as many over WebSocket, while events are published over HTTP
// and over a WebSocket. Checks that every client gets every event once and in order.
// Usage: node --conditions=@viewra/source stream-load.ts [--clients 1000] [--rate 200] [--seconds 60]
//   clients: of each kind; rate: events per second over each transport
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const MAIN = new URL('../apps/server/src/main.ts', import.meta.url).pathname
const EVENTS_PATH = '/api/v1/events'
/** Clients that connect at the same time. */
const CONNECT_AT_ONCE = 50
/** An empty pong frame, masked with zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
/** One client in this many also measures the latency of events. */
const SAMPLE = 50
const TICK_MS = 5
/** How long the last events may take to arrive. */
const SETTLE_MS = 60_000

const options = { type: 'string' } as const
const { values } = parseArgs({ options: { clients: options, rate: options, seconds: options } })
const [CLIENTS, RATE, SECONDS] = [
  Number(values.clients ?? 1_000),
  Number(values.rate ?? 200),
  Number(values.seconds ?? 60),
]

/** What a client has received so far, and what was wrong with it. */
class Tally {
  readonly latencies: number[] = []
  readonly #isSampled: boolean
  last = 0
  received = 0
  faults = 0

  constructor(isSampled: boolean) {
    this.#isSampled = isSampled
  }

  /** Reads the events whose JSON is in the bytes; returns where the last of them ends. */
  take(bytes: Buffer): number {
    let end = 0
    for (let at = bytes.indexOf('"position":'); at >= 0; at = bytes.indexOf('"position":', end)) {
      const comma = bytes.indexOf(',', at)
      if (comma < 0) break
      const position = Number(bytes.toString('latin1', at + 11, comma))
      if (this.#isSampled) this.#measure(bytes.toString('latin1', end, at))
      end = comma
      if (this.received++ > 0 && position !== this.last + 1) this.faults++
      this.last = position
    }
    return end
  }

  #measure(before: string): void {
    const sent = /"sent":([\d.]+)/.exec(before)?.[1]
    if (sent !== undefined) this.latencies.push(performance.now() - Number(sent))
  }
}

const folder = mkdtempSync(path.join(tmpdir(), 'viewra-load-'))
const server = spawn(process.execPath, ['--conditions=@viewra/source', MAIN], {
  env: {
    ...process.env,
    VIEWRA_EVENTS_PORT: '0',
    VIEWRA_EVENTS_DATABASE_URL: `sqlite:${folder}/events.db`,
  },
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const [line] = await once(server.stdout, 'data')
  await run(new URL(/http:\S+/.exec(String(line))?.[0] ?? ''))
} finally {
  server.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
process.exit()

async function run(url: URL): Promise<void> {
  const idle = rssOf(server)
  const clients = await connectAll(url)
  const memory = { idle, connected: rssOf(server), max: 0 }
  const watch = setInterval(() => {
    memory.max = Math.max(memory.max, rssOf(server))
  }, 500)
  const began = performance.now()
  const published = await publishAll(url)
  const took = (performance.now() - began) / 1_000
  const settled = await settle(clients, published)
  clearInterval(watch)
  report(clients, published, took, settled, { ...memory, end: rssOf(server) })
}

async function connectAll(url: URL): Promise<Tally[]> {
  const tallies: Tally[] = []
  for (let n = 0; n < CLIENTS; n += CONNECT_AT_ONCE) {
    const batch = Array.from(
      { length: Math.min(CONNECT_AT_ONCE, CLIENTS - n) },
      (_, i) => (n + i) % SAMPLE === 0,
    )
    tallies.push(...(await Promise.all(batch.map((isSampled) => followSse(url, new Tally(isSampled))))))
    tallies.push(...(await Promise.all(batch.map((isSampled) => followSocket(url, new Tally(isSampled))))))
  }
  return tallies
}

async function followSse(url: URL, tally: Tally): Promise<Tally> {
  const socket = connect(Number(url.port), url.hostname)
  socket.write(`GET ${EVENTS_PATH}/stream?types=load.* HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
  const [head] = await once(socket, 'data')
  if (!String(head).startsWith('HTTP/1.1 200')) throw new Error(String(head))
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    rest = Buffer.from(bytes.subarray(tally.take(bytes)))
  })
  return tally
}

async function followSocket(url: URL, tally: Tally): Promise<Tally> {
  const socket = connect(Number(url.port), url.hostname)
  socket.write(
    `GET ${EVENTS_PATH}/ws HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  )
  const [head] = await once(socket, 'data')
  if (!String(head).startsWith('HTTP/1.1 101')) throw new Error(String(head))
  const subscribed = once(socket, 'data')
  socket.write(clientFrame(JSON.stringify({ type: 'subscribe', id: 's', filter: { types: ['load.*'] } })))
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = takeFrames(socket, tally, rest.length === 0 ? chunk : Buffer.concat([rest, chunk]))
  })
  await subscribed
  return tally
}

/** Returns the remaining bytes. */
function takeFrames(socket: Socket, tally: Tally, bytes: Buffer): Buffer {
  let at = 0
  while (bytes.length - at >= 2) {
    const short = bytes.readUInt8(at + 1)
    const header = short < 126 ? 2 : short === 126 ? 4 : 10
    if (bytes.length - at < header) break
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
    if (bytes.length - at < header + length) break
    if ((bytes.readUInt8(at) & 0x0f) === 9) socket.write(PONG)
    else tally.take(bytes.subarray(at + header, at + header + length))
    at += header + length
  }
  return Buffer.from(bytes.subarray(at))
}

/** Builds a frame masked with zeros, for texts of up to 65,535 bytes. */
function clientFrame(text: string): Buffer {
  const frame = Buffer.alloc(8 + Buffer.byteLength(text))
  frame[0] = 0x81
  frame[1] = 0x80 | 126
  frame.writeUInt16BE(frame.length - 8, 2)
  frame.write(text, 8)
  return frame
}

/** Publishes at the rate over both transports until the time is up; returns how many events were stored. */
async function publishAll(url: URL): Promise<number> {
  const socket = new WebSocket(`ws://${url.host}${EVENTS_PATH}/ws`)
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  const acknowledged = { http: 0, socket: 0 }
  socket.onmessage = ({ data }) => {
    if (!String(data).startsWith('{"type":"ack"')) throw new Error(String(data))
    acknowledged.socket++
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const began = performance.now()
  let sent = 0
  for (let passed = 0; passed < SECONDS; passed = (performance.now() - began) / 1_000) {
    for (const due = passed * RATE; sent < due; sent++) {
      void post(url, agent).then(() => acknowledged.http++)
      socket.send(JSON.stringify({ type: 'publish', event: event('socket') }))
    }
    await sleep(TICK_MS)
  }
  await until(() => acknowledged.http === sent && acknowledged.socket === sent)
  return acknowledged.http + acknowledged.socket
}

function event(way: string): object {
  const data = { library_id: 5, path: '/media/films/a film of some length.mkv', sent: performance.now() }
  return { type: `load.${way}`, source: 'plugin:load', title: 'File found', data }
}

async function post(url: URL, agent: Agent): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const posted = request(`${url.origin}${EVENTS_PATH}`, { method: 'POST', agent, headers })
  posted.end(JSON.stringify(event('http')))
  const [response] = await once(posted, 'response')
  if (response.statusCode !== 201) throw new Error(`returned ${response.statusCode}`)
  response.resume()
  await once(response, 'end')
}

/** Returns the seconds until every client had everything; undefined if that took too long. */
async function settle(clients: readonly Tally[], published: number): Promise<number | undefined> {
  const began = performance.now()
  const isDone = await until(() => clients.every(({ received }) => received >= published))
  return isDone ? (performance.now() - began) / 1_000 : undefined
}

async function until(isDone: () => boolean): Promise<boolean> {
  const began = performance.now()
  while (!isDone()) {
    if (performance.now() - began > SETTLE_MS) return false
    await sleep(TICK_MS)
  }
  return true
}

function report(
  clients: readonly Tally[],
  published: number,
  took: number,
  settled: number | undefined,
  memory: Readonly<Record<string, number>>,
): void {
  const complete = clients.filter(({ received, faults }) => received === published && faults === 0).length
  const latencies = clients.flatMap((client) => client.latencies).toSorted((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)]?.toFixed(1)
  console.table({
    'clients (SSE + WebSocket)': `${CLIENTS} + ${CLIENTS}`,
    'published (HTTP + WebSocket)': `${published} in ${took.toFixed(1)} s`,
    'delivered per second': Math.round((published * clients.length) / (took + (settled ?? 0))),
    'clients with all, once, in order': `${complete} of ${clients.length}`,
    'last event everywhere after': settled === undefined ? 'never' : `${settled.toFixed(2)} s`,
    'latency p50, p99, max (ms)': `${at(0.5)}, ${at(0.99)}, ${at(1)}`,
    'server memory (MiB)': Object.entries(memory)
      .map(([when, bytes]) => `${when} ${Math.round(bytes / 2 ** 20)}`)
      .join(', '),
  })
  if (complete !== clients.length) process.exitCode = 1
}

/** Returns the resident memory in bytes, as Linux reports it. */
function rssOf({ pid }: ChildProcess): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1_024
}
