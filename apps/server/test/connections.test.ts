import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { addressGroup } from '../src/address-group.ts'
import { readConfig } from '../src/config.ts'
import { openStore } from '../src/open-store.ts'
import { EventServer, type EventServerOptions } from '../src/server.ts'
import { startServer } from './server-process.ts'

const MEMORY = { VIEWRA_EVENTS_DATABASE_URL: 'memory:' }
const ENV = { ...MEMORY, VIEWRA_EVENTS_PORT: '0', VIEWRA_EVENTS_LOG_LEVEL: 'silent' }
const HEALTH = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n'

const servers: EventServer[] = []
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) await server.stop('the test is over')
})

async function start(options: Pick<EventServerOptions, 'limits' | 'timeouts'>): Promise<string> {
  const config = readConfig(ENV, '/')
  const given = { config, version: '0.0.0', logStream: { write: () => {} }, ...options }
  const server = new EventServer(given, await openStore(config))
  servers.push(server)
  return server.start()
}

async function open(url: string, text = '', localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress })
  sockets.push(socket)
  socket.on('error', () => {})
  socket.write(text)
  await once(socket, 'connect')
  return socket
}

/** Opens one and waits until it has been answered. */
async function openUsed(url: string, localAddress?: string): Promise<Socket> {
  const socket = await open(url, HEALTH, localAddress)
  await once(socket, 'data')
  return socket.resume()
}

async function openIdle(url: string, count: number): Promise<Socket[]> {
  const opened: Socket[] = []
  for (let n = 0; n < count; n++) opened.push((await open(url)).resume())
  return opened
}

async function closed(...ended: Socket[]): Promise<void> {
  await vi.waitUntil(() => ended.every((socket) => socket.closed), 10_000)
}

test('of too many connections the one goes that has been idle for longest, and first one that was never used', async () => {
  const url = await start({ limits: { connections: 4 } })
  const used = await openUsed(url)
  const [first, second, third] = await openIdle(url, 3)
  await openUsed(url)
  await closed(...[first].filter((socket) => socket !== undefined))
  expect([used, second, third].map((socket) => socket?.closed)).toEqual([false, false, false])
})

test('an address with many connections loses its own before those of others', async () => {
  const url = await start({ limits: { connections: 6 } })
  const quiet = await open(url, '', '127.0.0.2')
  const many = await openIdle(url, 12)
  await closed(...many.slice(0, 7))
  expect(quiet.closed).toBe(false)
  expect(many.at(-1)?.closed).toBe(false)
})

test('an address has its share, streams are never idle, and others still get in', async () => {
  const url = await start({ limits: { connections: 10, perAddress: 2 } })
  const stream = 'GET /api/v1/events/stream HTTP/1.1\r\nhost: localhost\r\n\r\n'
  const streams = [await open(url, stream), await open(url, stream)]
  await Promise.all(streams.map((socket) => once(socket, 'data')))
  const refused = await open(url)
  await closed(refused.resume())
  await openUsed(url, '127.0.0.2')
  expect(streams.map((socket) => socket.closed)).toEqual([false, false])
})

test('a connection that asked for another protocol counts once', async () => {
  const url = await start({ limits: { perAddress: 2 } })
  const asksForHttp2 = HEALTH.replace('host:', 'connection: upgrade\r\nupgrade: h2c\r\nhost:')
  for (let n = 0; n < 3; n++) {
    const socket = await open(url, asksForHttp2)
    await once(socket, 'data')
    socket.destroy()
    await closed(socket)
  }
  const [answer] = await once(await open(url, HEALTH), 'data')
  expect(String(answer)).toMatch(/^HTTP\/1.1 200 /)
})

test('a network of IPv6 counts as one address', () => {
  const same = ['2001:db8:0:1::1', '2001:db8:0:1:ffff:1:2:3', '2001:db8::1:0:0:0:9']
  expect(new Set(same.map(addressGroup))).toEqual(new Set(['2001:db8:0:1']))
  expect(addressGroup('2001:db8:0:2::1')).not.toBe(addressGroup('2001:db8:0:1::1'))
  expect(['::1', '::ffff:10.0.0.1', '10.0.0.1', undefined].map(addressGroup)).toEqual([
    '0:0:0:0',
    '::ffff:10.0.0.1',
    '10.0.0.1',
    '',
  ])
})

test('a connection with more unanswered requests than it may have is ended', async () => {
  const url = await start({ limits: { pipelined: 4 } })
  await closed((await open(url, HEALTH.repeat(50))).resume())
  const few = await open(url, HEALTH.repeat(4))
  await once(few, 'data')
  expect(few.closed).toBe(false)
})

const ASSET = 'GET /api/v1/events/docs/static/swagger-ui-bundle.js HTTP/1.1\r\nhost: localhost\r\n\r\n'
const STATS = 'GET /api/v1/events/stats HTTP/1.1\r\nhost: localhost\r\n\r\n'

test('a client that takes nothing of its answers keeps nobody from reading, and is cut off', async () => {
  const url = await start({ timeouts: { stallMs: 1_000 } })
  const stalled = await Promise.all(
    Array.from({ length: 8 }, async () => (await open(url, ASSET.repeat(4) + STATS.repeat(25))).pause()),
  )
  await sleep(500)
  for (let n = 0; n < 10; n++) expect((await fetch(`${url}/api/v1/events/stats`)).status).toBe(200)
  // Nothing is read here, so the end is seen by writing only.
  await vi.waitFor(
    () => {
      for (const socket of stalled) socket.write('GET')
      expect(stalled.map((socket) => socket.destroyed)).toEqual(stalled.map(() => true))
    },
    { timeout: 15_000, interval: 200 },
  )
})

test('answers that nobody takes are held up to a limit', async () => {
  const url = await start({ limits: { unreadBytes: 100_000 } })
  const stalled = (await open(url, ASSET)).pause()
  await vi.waitFor(
    () => {
      stalled.write('GET')
      expect(stalled.destroyed).toBe(true)
    },
    { timeout: 15_000, interval: 200 },
  )
})

test('connections that have sent nothing do not hold up the stop, and are no work undone', async () => {
  const { server, url } = await startServer(MEMORY)
  const silent = [await open(url), await open(url, 'GET /healthz HTTP/1.1\r\n')]
  server.kill('SIGTERM')
  const began = performance.now()
  expect((await server.exit).code).toBe(0)
  // Less than half of the time for stopping, after which connections are cut off.
  expect(performance.now() - began).toBeLessThan(3_500)
  await closed(...silent.map((socket) => socket.resume()))
})

/** Loaded into the server's process: throws, at a signal, what a timer of a library might. */
function throwing(error: string): Readonly<Record<string, string>> {
  const code = `process.once('SIGUSR2', () => setTimeout(() => { throw ${error} }))`
  return { ...MEMORY, NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(code)}"` }
}

test('a passing shortage that a timer runs into is logged, and the server goes on', async () => {
  const { server, url } = await startServer(
    throwing("Object.assign(new Error('too many'), { code: 'EMFILE' })"),
  )
  server.kill('SIGUSR2')
  await server.logged('The system is short of a resource that the server needs; continuing')
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  server.kill('SIGTERM')
  expect((await server.exit).code).toBe(0)
})

test('after any other unexpected error the server stops in order, and says that it failed', async () => {
  const { server } = await startServer(throwing("new Error('a bug')"))
  server.kill('SIGUSR2')
  const { code, stderr } = await server.exit
  expect(code).toBe(1)
  expect(stderr).toContain('a bug')
  expect(stderr).toContain('"msg":"stopped"')
})
