import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import type { HttpTimeouts } from '../src/http-limits.ts'
import { openStore } from '../src/open-store.ts'
import { EventServer } from '../src/server.ts'

const ENV = {
  VIEWRA_EVENTS_PORT: '0',
  VIEWRA_EVENTS_DATABASE_URL: 'memory:',
  VIEWRA_EVENTS_LOG_LEVEL: 'silent',
}

const servers: EventServer[] = []
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) await server.stop('the test is over')
})

async function start(timeouts: Partial<HttpTimeouts>): Promise<string> {
  const config = readConfig(ENV, '/')
  const logStream = { write: () => {} }
  const options = { config, version: '0.0.0', logStream, timeouts }
  const server = new EventServer(options, await openStore(config))
  servers.push(server)
  return server.start()
}

async function open(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

/** A byte that was under way when the server closed resets the connection, which is as good. */
async function closed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('error', () => {})
  socket.once('close', () => resolve())
  await promise
}

/** All that comes until the server ends the connection, while one more byte of `text` is sent now and then. */
async function answerToSlow(url: string, text: string): Promise<string> {
  const socket = await open(url)
  let answer = ''
  let sent = 0
  socket.setEncoding('utf8').on('data', (chunk) => {
    answer += chunk
  })
  const timer = setInterval(() => socket.write(text[sent++ % text.length] ?? ''), 20)
  await closed(socket)
  clearInterval(timer)
  return answer
}

test('who sends a request’s head byte by byte is cut off, and others are served meanwhile', async () => {
  const url = await start({ headersMs: 300, requestMs: 600, checkMs: 50 })
  const head = `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: ${'a'.repeat(10_000)}`
  const slow = Promise.all(Array.from({ length: 20 }, () => answerToSlow(url, head)))
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  // A reset may have taken the answer with it.
  for (const answer of await slow) expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/)
})

test('who sends a body byte by byte is cut off', async () => {
  const url = await start({ headersMs: 300, requestMs: 600, checkMs: 50 })
  const socket = await open(url)
  socket.resume()
  socket.write('POST /api/v1/events HTTP/1.1\r\nhost: localhost\r\n')
  socket.write('content-type: application/json\r\ncontent-length: 100000\r\n\r\n{')
  const timer = setInterval(() => socket.write(' '), 20)
  await closed(socket)
  clearInterval(timer)
})

test('an idle connection is closed, and a head that is too large refused', async () => {
  const url = await start({ idleMs: 200 })
  const idle = await open(url)
  idle.resume()
  await closed(idle)
  const headers = { 'x-large': 'a'.repeat(20_000) }
  expect((await fetch(`${url}/healthz`, { headers })).status).toBe(431)
})

test('a stream outlives all that is set for requests', async () => {
  const url = await start({ headersMs: 100, requestMs: 200, checkMs: 20 })
  const response = await fetch(`${url}/api/v1/events/stream`)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  // Several of the times above have gone by when all of these are answered.
  const slow = [1, 2, 3].map(() => answerToSlow(url, `GET / HTTP/1.1\r\nx: ${'a'.repeat(10_000)}`))
  await Promise.all(slow)
  await answerToSlow(url, `GET / HTTP/1.1\r\nx: ${'a'.repeat(10_000)}`)
  const body = JSON.stringify({ type: 'test.late', source: 'test' })
  const headers = { 'content-type': 'application/json' }
  expect((await fetch(`${url}/api/v1/events`, { method: 'POST', headers, body })).status).toBe(201)
  let text = ''
  while (!text.includes('test.late')) text += (await reader?.read())?.value ?? expect.fail('the stream ended')
  await reader?.cancel()
})
