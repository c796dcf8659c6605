import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type EventBus, memoryStorage } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { listeningApp } from './events-app.ts'
import { SocketClient } from './socket-client.ts'

const BIG = { blob: 'x'.repeat(250_000) }
const SUBSCRIBE = JSON.stringify({ type: 'subscribe', id: 's' })
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** A connection that was upgraded, to write frames to byte by byte. */
async function rawSocket(url: string): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET ${pathname}/ws HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  )
  await once(socket, 'data')
  return socket
}

/** A client's frame: masked, with a mask of zeros. */
function clientFrame(text: string, opcode = 1): Buffer {
  const payload = Buffer.from(text)
  const header = Buffer.alloc(8)
  header[0] = 0x80 | opcode
  header[1] = 0x80 | 126
  header.writeUInt16BE(payload.length, 2)
  return Buffer.concat([header, payload])
}

function openConnections(app: FastifyInstance): Promise<number> {
  return new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
}

function runningTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
}

async function nothingLeft(app: FastifyInstance, bus: EventBus): Promise<void> {
  await expect.poll(() => bus.subscriptions(), { timeout: 10_000 }).toEqual([])
  await expect.poll(() => openConnections(app), { timeout: 10_000 }).toBe(0)
}

describe('a client that breaks the protocol', () => {
  test('garbage instead of frames', async () => {
    const { app, bus, url } = await listeningApp()
    const socket = await rawSocket(url)
    socket.write(clientFrame(SUBSCRIBE))
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    socket.write(Buffer.alloc(10_000, 0xff))
    socket.resume()
    await once(socket, 'close')
    await nothingLeft(app, bus)
  })

  test('a giant frame is refused when its size is known', async () => {
    const { app, bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    client.socket.send('x'.repeat(1_048_576 + 2_000))
    expect((await client.closed).code).toBe(1009)
    await nothingLeft(app, bus)
  })

  test('text that is not UTF-8', async () => {
    const { app, bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false })
    expect((await client.closed).code).toBe(1007)
    await nothingLeft(app, bus)
  })

  test('the connection ends in the middle of a frame', async () => {
    const { app, bus, url } = await listeningApp()
    for (const bytes of [1, 5, 20]) {
      const socket = await rawSocket(url)
      socket.write(clientFrame(SUBSCRIBE))
      socket.write(clientFrame(SUBSCRIBE).subarray(0, bytes))
      await expect.poll(() => bus.subscriptions().length).toBe(1)
      socket.destroy()
      await nothingLeft(app, bus)
    }
  })
})

describe('a client that does not read', () => {
  test('is told how much it missed and where to go on, and closed; what it reads later says so', async () => {
    const { app, bus, url } = await listeningApp({ module: { streamStallMs: 200 } })
    const socket = await rawSocket(url)
    socket.write(clientFrame(SUBSCRIBE))
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    socket.pause()
    await bus.publishMany(range(1, 60).map((n) => ({ type: 'a', source: 'x', data: { ...BIG, n } })))
    await expect.poll(() => bus.subscriptions(), { timeout: 10_000 }).toEqual([])
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    const { epoch } = await bus.head()
    const [, position, missed] =
      new RegExp(`"type":"lagged","subscription":"s","cursor":"${epoch}.(\\d+)","missed":(\\d+)`).exec(
        text,
      ) ?? []
    const last = [...text.matchAll(/"n":(\d+)/g)].at(-1)?.[1]
    expect(Number(position)).toBe(Number(last))
    expect(Number(position) + Number(missed)).toBe(60)
    expect(text).toContain('{"type":"bye","reason":"too_slow"}')
    await nothingLeft(app, bus)
  })

  test('goes on without loss when it reads again in time', async () => {
    const { bus, url } = await listeningApp()
    const client = await SocketClient.open(url)
    client.send({ type: 'subscribe', id: 's' })
    await client.until('caught_up')
    client.socket.pause()
    await bus.publishMany(range(1, 60).map((n) => ({ type: 'a', source: 'x', data: { ...BIG, n } })))
    client.socket.resume()
    const messages = await client.until(
      'event',
      ({ event }) => (event as { position: number }).position === 60,
    )
    const positions = messages.flatMap(({ type, event }) =>
      type === 'event' ? [(event as { position: number }).position] : [],
    )
    expect(positions).toEqual(range(1, 60))
  })

  test('but asks without end is not read either', async () => {
    const { bus, url } = await listeningApp()
    const socket = await rawSocket(url)
    socket.pause()
    // As many pings as it takes until the server takes no more, and this side's buffers are full.
    const pings = Buffer.concat(
      range(1, 1_000).map(() => clientFrame(JSON.stringify({ type: 'ping', id: 'x'.repeat(60) }))),
    )
    let written = 0
    while (socket.write(pings) || socket.writableLength < 50 * pings.length) {
      written += 1_000
      if (written > 500_000) throw new Error('the server reads on and on')
      await new Promise((resolve) => setImmediate(resolve))
    }
    const other = await SocketClient.open(url)
    other.send({ type: 'ping' })
    expect((await other.next()).type).toBe('pong')
    expect(bus.running).toBe(true)
  })

  test('holds up no shutdown', async () => {
    const { app, bus, url } = await listeningApp()
    const socket = await rawSocket(url)
    socket.write(clientFrame(SUBSCRIBE))
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    socket.pause()
    await bus.publishMany(range(1, 60).map(() => ({ type: 'a', source: 'x', data: BIG })))
    await app.close()
    expect(bus.subscriptions()).toEqual([])
  })
})

describe('a peer that is gone', () => {
  test('without a word is found out by its silence', async () => {
    const { app, bus, url } = await listeningApp({ module: { heartbeatMs: 50 } })
    const quiet = await rawSocket(url)
    quiet.write(clientFrame(SUBSCRIBE))
    quiet.resume()
    const alive = await SocketClient.open(url)
    alive.send({ type: 'subscribe', id: 's' })
    await expect.poll(() => bus.subscriptions().length).toBe(2)
    // It never answers a ping; the other one does, by its library.
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    alive.send({ type: 'ping' })
    await alive.until('pong')
    alive.socket.terminate()
    await nothingLeft(app, bus)
  })
})

describe('many', () => {
  test('thousands of subscriptions over tens of sockets, and none when they are gone', async () => {
    const { app, bus, url } = await listeningApp({ bus: { storage: memoryStorage() } })
    const clients = await Promise.all(range(1, 30).map(() => SocketClient.open(url)))
    for (const client of clients)
      for (const n of range(1, 100))
        client.send({ type: 'subscribe', id: `${n}`, filter: { types: [`type_${n}`] } })
    await expect.poll(() => bus.subscriptions().length, { timeout: 20_000 }).toBe(3_000)
    await bus.publish({ type: 'type_7', source: 'x' })
    for (const client of clients) expect((await client.until('event')).at(-1)?.subscription).toBe('7')
    for (const client of clients) client.socket.terminate()
    await nothingLeft(app, bus)
  })

  test('two thousand clients that come and go leave nothing', async () => {
    const { app, bus, url } = await listeningApp()
    const timersBefore = runningTimers()
    for (let round = 0; round < 40; round++) {
      const sockets = await Promise.all(
        range(1, 50).map(async () => {
          const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
          const answered = once(socket, 'message')
          await once(socket, 'open')
          socket.send(SUBSCRIBE)
          return { socket, answered }
        }),
      )
      for (const [n, { socket, answered }] of sockets.entries()) {
        if (n % 3 === 0) socket.terminate()
        else if (n % 3 === 1) socket.close()
        else {
          await answered
          socket.close()
        }
      }
    }
    await nothingLeft(app, bus)
    expect(runningTimers()).toBeLessThan(timersBefore + 100)
  })
})
