import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { createEventBus } from '@viewra/events-core'
import Fastify, { type FastifyServerOptions } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventsModule, isLocal } from '../src/index.ts'
import { eventsApp, listeningApp } from './events-app.ts'

const URL = '/api/v1/events'

/** What proxies, load balancers and content networks say of the client for whom they ask. */
const FORWARDED = [
  ['x-forwarded-for', '203.0.113.7'],
  ['x-forwarded-for', '127.0.0.1'],
  ['x-forwarded-for', ''],
  ['x-forwarded-host', 'localhost'],
  ['x-forwarded-proto', 'https'],
  ['x-forwarded-port', '443'],
  ['x-forwarded-server', 'web1'],
  ['x-forwarded', 'for=203.0.113.7'],
  ['forwarded-for', '203.0.113.7'],
  ['forwarded', 'for=203.0.113.7'],
  ['x-real-ip', '203.0.113.7'],
  ['via', '1.1 proxy'],
  ['cdn-loop', 'cdn.example'],
  ['cf-connecting-ip', '203.0.113.7'],
  ['true-client-ip', '203.0.113.7'],
  ['client-ip', '203.0.113.7'],
  ['x-client-ip', '203.0.113.7'],
  ['x-cluster-client-ip', '203.0.113.7'],
  ['fastly-client-ip', '203.0.113.7'],
  ['fly-client-ip', '203.0.113.7'],
  ['x-azure-clientip', '203.0.113.7'],
  ['x-appengine-user-ip', '203.0.113.7'],
  ['x-envoy-external-address', '203.0.113.7'],
  ['x-remote-addr', '203.0.113.7'],
  ['x-original-forwarded-for', '203.0.113.7'],
  ['x-original-host', 'media.example'],
] as const

describe('without tokens, a request that a proxy of this machine has forwarded', () => {
  test.each<FastifyServerOptions>([{}, { trustProxy: true }, { trustProxy: 'loopback' }])(
    'deletes nothing, in an app with %o',
    async (fastify) => {
      const { app, bus } = await eventsApp({ fastify })
      await bus.publish({ type: 'a', source: 'x' })
      for (const [name, value] of FORWARDED) {
        const headers = { host: 'localhost', [name]: value }
        const answer = await app.inject({ method: 'POST', url: `${URL}/clear`, headers })
        expect([name, answer.statusCode, answer.json().code]).toEqual([name, 403, 'HTTP_FORBIDDEN'])
        expect(answer.json().detail).toContain(name)
        expect(answer.json().detail).toMatch(/`tokens`.*VIEWRA_EVENTS_TOKENS_FILE.*VIEWRA_EVENTS_TRUST_PROXY/)
      }
      expect(await bus.count()).toBe(1)
    },
  )

  test('is not recognised by headers that any program sends', async () => {
    const { app } = await eventsApp()
    for (const name of ['user-agent', 'x-request-id', 'traceparent', 'x-client-name', 'forward', 'x-ip'])
      expect((await app.inject({ url: `${URL}/stats`, headers: { [name]: '1' } })).statusCode, name).toBe(200)
  })

  test('is not local to a host that asks', async () => {
    const { app } = await eventsApp({
      host: (host) => void host.get('/local', async (request) => ({ local: isLocal(request) })),
    })
    expect((await app.inject('/local')).json()).toEqual({ local: true })
    for (const [name, value] of FORWARDED)
      expect((await app.inject({ url: '/local', headers: { [name]: value } })).json(), name).toEqual({
        local: false,
      })
  })

  test('is told by its HTTP/1.0, in which nginx asks unless it is told otherwise', async () => {
    const { bus, url } = await listeningApp()
    await bus.publish({ type: 'a', source: 'x' })
    const { port } = new globalThis.URL(url)
    const socket = connect({ host: '127.0.0.1', port: Number(port) })
    socket.setEncoding('utf8').write(`POST ${URL}/clear HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    let answer = ''
    socket.on('data', (part: string) => {
      answer += part
    })
    await once(socket, 'close')
    expect(answer).toMatch(/^HTTP\/1\.1 403 /)
    expect(answer).toContain('HTTP/1.0')
    expect(await bus.count()).toBe(1)
  })
})

describe('over HTTP/2, without tokens', () => {
  const status = async (authority: string, headers: Record<string, string> = {}): Promise<unknown> => {
    const bus = createEventBus()
    await bus.start()
    const app = Fastify({ http2: true })
    await app.register(eventsModule, { bus })
    const session = connectHttp2(await app.listen({ host: '127.0.0.1', port: 0 }))
    onTestFinished(async () => {
      session.destroy()
      await app.close()
      await bus.stop()
    })
    const request = session.request({ ':path': `${URL}/stats`, ':authority': authority, ...headers })
    const [answer] = await once(request, 'response')
    return answer[':status']
  }

  test.each(['localhost', 'localhost:8080', '127.0.0.1', '[::1]:8080'])(
    'the authority %s is this machine, and pages of it are its own',
    async (authority) => {
      expect(await status(authority)).toBe(200)
      expect(
        await status(authority, { origin: `http://${authority}`, 'sec-fetch-site': 'same-origin' }),
      ).toBe(200)
    },
  )

  test.each([
    ['evil.example', {}],
    ['192.168.1.5:8080', {}],
    ['localhost', { host: 'evil.example' }],
    ['evil.example', { host: 'localhost' }],
    ['localhost', { origin: 'http://evil.example' }],
    ['localhost', { origin: 'http://localhost:1' }],
    ['localhost', { 'x-forwarded-for': '203.0.113.7' }],
  ])('the authority %s with %o is refused', async (authority, headers) => {
    expect(await status(authority, headers)).toBe(403)
  })
})
