// The servers under test, in their own process: sends its ports, follows commands, ends with its parent.
import { createServer, type Socket } from 'node:net'
import { createEventBus, type EventBus } from '@viewra/events-core'
import { eventsModule } from '@viewra/events-module'
import Fastify from 'fastify'
import { eventAt } from '../../harness/events.ts'

/** The module's two transports, each with its own bus, and sockets that get one buffer each. */
export type Ports = Readonly<Record<'sse' | 'websocket' | 'limit', number>>

export type Command =
  | { readonly kind: 'cpu' }
  | { readonly kind: 'publish'; readonly to: 'sse' | 'websocket'; readonly events: number }
  /** What `write` writes from now on, in base64. */
  | { readonly kind: 'buffer'; readonly base64: string }
  | { readonly kind: 'write'; readonly times: number }

/** High enough that a position's number of digits stays the same during a run: all events are then equally long. */
const EVENTS_BEFORE = 10_000
/** A heartbeat among the events would be counted as one. */
const NEVER_MS = 2 ** 31 - 1
const EVENT = eventAt(1)

const buses = { sse: await startedBus(), websocket: await startedBus() }
const sockets = new Set<Socket>()
let buffer: Buffer = Buffer.alloc(0)

process.on('disconnect', () => process.exit())
process.on('message', (command: Command) => {
  if (command.kind === 'cpu') process.send?.(process.cpuUsage())
  else if (command.kind === 'buffer') buffer = Buffer.from(command.base64, 'base64')
  else if (command.kind === 'write') writeToAll(command.times)
  else void buses[command.to].publishMany(Array.from({ length: command.events }, () => EVENT))
})
const ports: Ports = {
  sse: await listening(buses.sse),
  websocket: await listening(buses.websocket),
  limit: await listeningBare(),
}
process.send?.(ports)

/** What the module's work is compared with: nothing is built, and only the socket's own write is called. */
function writeToAll(times: number): void {
  for (let n = 0; n < times; n++) for (const socket of sockets) socket.write(buffer)
}

async function startedBus(): Promise<EventBus> {
  const bus = createEventBus()
  await bus.start()
  for (let n = 0; n < EVENTS_BEFORE; n += 1_000)
    await bus.publishMany(Array.from({ length: 1_000 }, () => EVENT))
  return bus
}

async function listening(bus: EventBus): Promise<number> {
  const app = Fastify()
  await app.register(eventsModule, { bus, heartbeatMs: NEVER_MS })
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
}

async function listeningBare(): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
