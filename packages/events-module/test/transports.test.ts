import { readFileSync } from 'node:fs'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { createEventBus, type EventBus, type EventBusOptions } from '@viewra/events-core'
import Fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { eventsModule } from '../src/index.ts'
import { storageThatWaits } from './storage-that-waits.ts'

const CERTIFICATES = new URL('../../events-core/test/storage/postgres/tls/', import.meta.url)
const PATH = '/api/v1/events'

function certificate(name: string): Buffer {
  return readFileSync(new URL(name, CERTIFICATES))
}

async function startedBus(options?: EventBusOptions): Promise<EventBus> {
  const bus = createEventBus(options)
  await bus.start()
  onTestFinished(async () => void (await bus.stop({ timeoutMs: 500 })))
  return bus
}

async function portOf(app: { listen(options: object): Promise<string>; close(): PromiseLike<unknown> }) {
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => void (await app.close()))
  return Number(new URL(address).port)
}

test('a stream over TLS has its frames whole and in order, and ends with its connection', async () => {
  const bus = await startedBus()
  const app = Fastify({ https: { key: certificate('server.key'), cert: certificate('server.crt') } })
  app.register(eventsModule, { bus })
  const socket = connectTls({ port: await portOf(app), host: '127.0.0.1', rejectUnauthorized: false })
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.write(`GET ${PATH}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  await expect.poll(() => text).toContain('"type":"connected"')
  for (let n = 0; n < 20; n++)
    await bus.publish({ id: `e${n}`, type: 'a', source: 'x', data: { blob: 'x'.repeat(50_000) } })
  await expect.poll(() => text).toContain('"id":"e19"')
  const ids = [...text.matchAll(/^data: (.*)$/gm)].flatMap(([, json = '']) => JSON.parse(json).data.id ?? [])
  expect(ids).toEqual(Array.from({ length: 20 }, (_, n) => `e${n}`))
  socket.destroy()
  await expect.poll(() => bus.subscriptions()).toEqual([])
})

test('a stream over HTTP/2 goes on while others of its connection are given up', async () => {
  const bus = await startedBus()
  const app = Fastify({ http2: true })
  app.register(eventsModule, { bus })
  const session = connectHttp2(`http://127.0.0.1:${await portOf(app)}`)
  onTestFinished(() => void session.destroy())
  const [kept, left] = [0, 1].map(() => session.request({ ':path': `${PATH}/stream` }))
  let text = ''
  kept?.on('data', (chunk) => {
    text += chunk
  })
  await expect.poll(() => bus.subscriptions().length).toBe(2)
  left?.close(constants.NGHTTP2_CANCEL)
  await expect.poll(() => bus.subscriptions().length).toBe(1)
  await bus.publish({ id: 'e', type: 'a', source: 'x' })
  await expect.poll(() => text).toContain('"id":"e"')
})

test('an event that waits is withdrawn when its request is given up, and not the others of an HTTP/2 connection', async () => {
  const { storage, release } = storageThatWaits()
  const bus = await startedBus({ storage })
  const app = Fastify({ http2: true })
  app.register(eventsModule, { bus })
  const session = connectHttp2(`http://127.0.0.1:${await portOf(app)}`)
  onTestFinished(() => void session.destroy())
  const waiting = async () => (await bus.health()).checks.buffer.events
  const post = async (id: string, waitingThen: number) => {
    const request = session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/json',
    })
    request.on('error', () => undefined)
    request.end(JSON.stringify({ id, type: 'a', source: 'x' }))
    await expect.poll(waiting).toBe(waitingThen)
    return request
  }
  await post('being written', 1)
  await post('kept', 2)
  const givenUp = await post('given up', 3)
  givenUp.close(constants.NGHTTP2_CANCEL)
  await expect.poll(waiting).toBe(2)
  release()
  await expect.poll(() => bus.count()).toBe(2)
  expect(await bus.get('given up')).toBeUndefined()
})
