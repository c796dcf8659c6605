import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage, request } from 'node:http'
import type { EventBus } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createToken, type EventsModuleOptions, type TokenEntry } from '../src/index.ts'
import { eventsApp, listeningApp } from './events-app.ts'
import { listRoutes } from './route-list.ts'
import { SocketClient } from './socket-client.ts'
import { SseClient } from './sse-client.ts'

const URL = '/api/v1/events'

function made(name: string, role: TokenEntry['role'], limits: Partial<TokenEntry> = {}) {
  const { token, hash } = createToken()
  return { token, entry: { name, role, hash, ...limits } }
}

const viewer = made('vera', 'viewer')
const publisher = made('paul', 'publisher')
const admin = made('ada', 'admin')
const scanner = made('scanner', 'publisher', { sources: ['plugin:scanner'], types: ['scan.*'] })
const tokens = [viewer, publisher, admin, scanner].map(({ entry }) => entry)

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

function guardedApp(options: Partial<EventsModuleOptions> = {}) {
  return eventsApp({ module: { tokens, ...options } })
}

/** What each sender gets for a route of a role: refused by access control, or let through to the route. */
const EXPECTED = {
  anyone: { nobody: 'in', wrong: 'in', viewer: 'in', publisher: 'in', admin: 'in' },
  viewer: { nobody: 401, wrong: 401, viewer: 'in', publisher: 'in', admin: 'in' },
  publisher: { nobody: 401, wrong: 401, viewer: 403, publisher: 'in', admin: 'in' },
  admin: { nobody: 401, wrong: 401, viewer: 403, publisher: 403, admin: 'in' },
} as const

const SENDERS = {
  nobody: {},
  wrong: bearer(createToken().token),
  viewer: bearer(viewer.token),
  publisher: bearer(publisher.token),
  admin: bearer(admin.token),
} as const

describe('the role table', () => {
  test('has routes of every role', async () => {
    const routes = await listRoutes()
    expect(routes.length).toBeGreaterThan(20)
    expect(new Set(routes.map(({ role }) => role))).toEqual(new Set(Object.keys(EXPECTED)))
  })

  test.each(['nobody', 'wrong', 'viewer', 'publisher', 'admin'] as const)('for %s', async (sender) => {
    const { app } = await guardedApp()
    const routes = await listRoutes()
    const got: string[] = []
    const wanted: string[] = []
    for (const { method, url, role } of routes) {
      const expected = new Map(Object.entries(EXPECTED)).get(role)?.[sender]
      wanted.push(`${method} ${url}: ${expected}`)
      got.push(`${method} ${url}: ${await answerOf(app, method, url, SENDERS[sender])}`)
    }
    // An address with ten failures is told to wait, which is no less of a refusal.
    expect(got.map((line) => line.replace(/429$/, '401'))).toEqual(wanted)
  })
})

/** Requests that no route takes, so that what gets past access control does nothing. */
async function answerOf(app: FastifyInstance, method: string, url: string, headers: Record<string, string>) {
  const path = url.replace('{id}', 'none').replace('{name}', 'none')
  const answer = await app.inject({
    method: method === 'GET' ? 'GET' : method === 'POST' ? 'POST' : 'DELETE',
    url: `${path}?unknown=1`,
    headers,
  })
  return [401, 403, 429].includes(answer.statusCode) ? answer.statusCode : 'in'
}

describe('tokens', () => {
  test.each([
    ['another case', (token: string) => token.toUpperCase()],
    ['too short', (token: string) => token.slice(0, -1)],
    ['too long', (token: string) => `${token}A`],
    ['empty', () => ''],
    ['not ASCII', () => 'vwe_\u00e4'],
    ['very long', () => 'x'.repeat(8_000)],
  ])('that are wrong are 401: %s', async (_what, change) => {
    const { app } = await guardedApp()
    const answer = await app.inject({ url: `${URL}/stats`, headers: bearer(change(admin.token)) })
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    expect(answer.json().code).toBe('HTTP_UNAUTHORIZED')
  })

  test.each(['token', 'access_token'])('in a URL are refused, and never logged: ?%s=', async (name) => {
    const lines: string[] = []
    const { app } = await eventsApp({
      module: { tokens },
      fastify: { logger: { level: 'info', stream: { write: (line: string) => lines.push(line) } } },
    })
    const answer = await app.inject(`${URL}/stats?${name}=${admin.token}`)
    expect([answer.statusCode, answer.json().errors[0].path]).toEqual([400, name])
    expect(answer.body).not.toContain(admin.token)
  })

  test('are looked up anew for each request', async () => {
    let known: readonly TokenEntry[] = tokens
    const { app } = await guardedApp({ tokens: () => known })
    const ask = async () =>
      (await app.inject({ url: `${URL}/stats`, headers: bearer(viewer.token) })).statusCode
    expect(await ask()).toBe(200)
    known = []
    expect(await ask()).toBe(401)
  })

  test('of a publisher may be limited to sources and types', async () => {
    const { app, bus } = await guardedApp()
    const post = (event: object) =>
      app.inject({ method: 'POST', url: URL, headers: bearer(scanner.token), payload: event })
    expect((await post({ type: 'scan.started', source: 'plugin:scanner' })).statusCode).toBe(201)
    const wrongType = await post({ type: 'user.created', source: 'plugin:scanner' })
    expect([wrongType.statusCode, wrongType.json().errors[0].path]).toEqual([403, 'type'])
    const wrongSource = await post({ type: 'scan.started', source: 'system' })
    expect([wrongSource.statusCode, wrongSource.json().errors[0].path]).toEqual([403, 'source'])
    expect(await bus.count()).toBe(1)
  })

  test('that are limited hold for each event of a batch, which is stored as a whole or not at all', async () => {
    const { app, bus } = await guardedApp()
    const payload = [
      { type: 'scan.started', source: 'plugin:scanner' },
      { type: 'scan.started', source: 'plugin:other' },
    ]
    const answer = await app.inject({
      method: 'POST',
      url: `${URL}/batch`,
      headers: bearer(scanner.token),
      payload,
    })
    expect([answer.statusCode, answer.json().errors[0].path]).toEqual([403, '1.source'])
    expect(await bus.count()).toBe(0)
  })

  test('nobody publishes records of admins', async () => {
    const { app } = await guardedApp()
    const payload = { type: 'audit.event.deleted', source: 'system' }
    const answer = await app.inject({ method: 'POST', url: URL, headers: bearer(admin.token), payload })
    expect(answer.statusCode).toBe(403)
  })

  test('that fail again and again are told to wait, while others are served', async () => {
    const { app } = await guardedApp()
    const statuses: number[] = []
    for (let n = 0; n < 12; n++)
      statuses.push((await app.inject({ url: `${URL}/stats`, headers: bearer('vwe_guess') })).statusCode)
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 401))
    const last = await app.inject({ url: `${URL}/stats`, headers: bearer('vwe_guess') })
    expect([last.statusCode, Number(last.headers['retry-after']) > 0]).toEqual([429, true])
    expect((await app.inject({ url: `${URL}/stats`, headers: bearer(viewer.token) })).statusCode).toBe(200)
  })

  test('may send so many requests within a time', async () => {
    const { app } = await guardedApp({ rateLimit: { requests: 3, windowMs: 60_000 } })
    const ask = (token: string) => app.inject({ url: `${URL}/stats`, headers: bearer(token) })
    for (let n = 0; n < 3; n++) expect((await ask(viewer.token)).statusCode).toBe(200)
    const refused = await ask(viewer.token)
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'HTTP_RATE_LIMITED'])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await ask(admin.token)).statusCode).toBe(200)
  })

  test('does not keep health checks from the same address waiting', async () => {
    const { app } = await guardedApp({ rateLimit: { requests: 3, windowMs: 60_000 } })
    const status = async (path: string) => (await app.inject(`${URL}${path}`)).statusCode
    for (let n = 0; n < 3; n++) await status('/openapi.json')
    expect(await status('/openapi.json')).toBe(429)
    for (let n = 0; n < 3; n++) expect(await status('/health')).toBe(200)
    expect(await status('/health')).toBe(429)
  })
})

describe('a host app that says who is who', () => {
  test('is asked with the role that is needed', async () => {
    const asked: string[] = []
    const { app } = await eventsApp({
      module: {
        authorize: ({ headers }, role) => {
          asked.push(role)
          return headers.cookie === 'session=1' ? { name: 'hedy', role: 'viewer' } : undefined
        },
      },
    })
    expect((await app.inject(`${URL}/stats`)).statusCode).toBe(401)
    const cookie = { cookie: 'session=1' }
    expect((await app.inject({ url: `${URL}/stats`, headers: cookie })).statusCode).toBe(200)
    expect((await app.inject({ method: 'POST', url: `${URL}/clear`, headers: cookie })).statusCode).toBe(403)
    expect(asked).toEqual(['viewer', 'viewer', 'admin'])
  })

  test('cannot be asked where there are tokens', async () => {
    const module = { tokens, authorize: () => undefined }
    await expect(eventsApp({ module })).rejects.toThrow('authorize must not be given beside tokens')
  })
})

describe('without tokens', () => {
  const CROSS_SITE = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:9999' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { host: 'evil.example' },
    { host: 'evil.example:80' },
    { host: 'localhost.evil.example' },
    { host: '192.168.1.5:8080' },
  ]
  test.each(CROSS_SITE)('a page of another site clears nothing: %o', async (headers) => {
    const { app, bus } = await eventsApp()
    await bus.publish({ type: 'a', source: 'x' })
    const answer = await app.inject({
      method: 'POST',
      url: `${URL}/clear`,
      headers: { host: 'localhost', ...headers },
    })
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'HTTP_FORBIDDEN'])
    expect(await bus.count()).toBe(1)
  })

  test.each(['localhost', 'localhost:8080', '127.0.0.1:8080', '127.0.0.7', '[::1]:8080'])(
    'the host %s is this machine',
    async (host) => {
      const { app } = await eventsApp()
      const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
      expect((await app.inject({ url: `${URL}/stats`, headers })).statusCode).toBe(200)
    },
  )

  test.each(['192.0.2.7', '10.0.0.1', '::ffff:192.0.2.7', '2001:db8::1'])(
    '%s is refused',
    async (remoteAddress) => {
      const { app } = await eventsApp()
      expect((await app.inject({ url: `${URL}/stats`, remoteAddress })).statusCode).toBe(403)
    },
  )

  test.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('%s is served', async (remoteAddress) => {
    const { app } = await eventsApp()
    expect((await app.inject({ url: `${URL}/stats`, remoteAddress })).statusCode).toBe(200)
  })

  test('a page of a named origin is served, by the rules of browsers', async () => {
    const { app } = await eventsApp({ module: { corsOrigins: ['https://media.example'] } })
    const headers = { origin: 'https://media.example', 'sec-fetch-site': 'cross-site' }
    const answer = await app.inject({ url: `${URL}/stats`, headers })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['access-control-allow-origin']).toBe('https://media.example')
    const other = await app.inject({ url: `${URL}/stats`, headers: { origin: 'https://evil.example' } })
    expect(other.headers['access-control-allow-origin']).toBeUndefined()
  })

  test('no origin is allowed unless it was named', async () => {
    const { app } = await eventsApp()
    const answer = await app.inject({ url: `${URL}/stats` })
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
    expect(answer.headers['content-security-policy']).toBe("default-src 'none';frame-ancestors 'none'")
  })
})

describe('tickets', () => {
  async function ticketOf(url: string): Promise<string> {
    const response = await fetch(`${url}/tickets`, { method: 'POST', headers: bearer(viewer.token) })
    return JSON.parse(await response.text()).ticket
  }

  test('open one stream, and the cookie opens it again', async () => {
    const { url } = await listeningApp({ module: { tokens } })
    const ticket = await ticketOf(url)
    const first = await fetch(`${url}/stream?ticket=${ticket}`)
    expect(first.status).toBe(200)
    const cookie = first.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^viewra_events_stream=[^;]+; Max-Age=43200; HttpOnly; SameSite=Strict$/)
    await first.body?.cancel()
    const again = await fetch(`${url}/stream?ticket=${ticket}`)
    expect([again.status, await again.text()]).toEqual([401, expect.stringContaining('was used already')])
    const [pair = ''] = cookie.split(';')
    const resumed = await fetch(`${url}/stream?ticket=${ticket}`, { headers: { cookie: pair } })
    expect(resumed.status).toBe(200)
    await resumed.body?.cancel()
    expect((await fetch(`${url}/stats`, { headers: { cookie: pair } })).status).toBe(401)
    const stolen = { cookie: pair, origin: 'https://evil.example' }
    expect((await fetch(`${url}/stream`, { headers: stolen })).status).toBe(403)
    expect((await fetch(`${url}/stream`, { headers: { cookie: `${pair}x` } })).status).toBe(401)
  })

  /** The cookie that a ticket was changed for, as a browser sends it. */
  async function cookieOf(url: string, token: string): Promise<string> {
    const asked = await fetch(`${url}/tickets`, { method: 'POST', headers: bearer(token) })
    const { ticket } = JSON.parse(await asked.text())
    const { headers } = await opened(`${url}/stream?ticket=${ticket}`)
    return (headers['set-cookie']?.join() ?? '').split(';', 1).join()
  }

  async function statusWith(url: string, cookie: string): Promise<number | undefined> {
    return (await opened(`${url}/stream`, { cookie })).statusCode
  }

  /** The head of an answer; the connection ends with it, where fetch would open another one in advance. */
  function opened(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const asked = get(url, { headers, agent: false }, (response) => resolve(response.destroy()))
      asked.once('error', reject)
    })
  }

  test('are changed for a cookie that reads and does nothing else, whatever their token may do', async () => {
    const { bus, url } = await listeningApp({ module: { tokens } })
    const cookie = await cookieOf(url, admin.token)
    expect(await statusWith(url, cookie)).toBe(200)
    const client = await SocketClient.open(url, { headers: { cookie } })
    client.send({ type: 'publish', id: '1', event: { type: 'a', source: 'x' } })
    expect(await client.next()).toMatchObject({ type: 'error', id: '1', code: 'HTTP_FORBIDDEN' })
    expect(await bus.count()).toBe(0)
  })

  test('are changed for a cookie that ends with the token, and with its exchange', async () => {
    let known: readonly TokenEntry[] = tokens
    const { url } = await listeningApp({ module: { tokens: () => known } })
    const cookie = await cookieOf(url, viewer.token)
    known = [{ ...viewer.entry, hash: createToken().hash }]
    expect(await statusWith(url, cookie)).toBe(401)
    known = []
    expect(await statusWith(url, cookie)).toBe(401)
    known = tokens
    expect(await statusWith(url, cookie)).toBe(200)
  })

  test('are changed for a cookie that ends after half a day', async () => {
    const { url } = await listeningApp({ module: { tokens } })
    const cookie = await cookieOf(url, viewer.token)
    const now = Date.now
    onTestFinished(() => {
      Date.now = now
    })
    Date.now = () => now() + 12 * 3_600_000 - 60_000
    expect(await statusWith(url, cookie)).toBe(200)
    Date.now = () => now() + 12 * 3_600_000
    expect(await statusWith(url, cookie)).toBe(401)
  })

  test('are changed for a cookie that who reads the hashes cannot forge', async () => {
    const { url } = await listeningApp({ module: { tokens } })
    const { name, hash } = admin.entry
    const content = Buffer.from(JSON.stringify([name, Date.now() + 60_000])).toString('base64url')
    for (const [key, text] of [
      [`stream-cookie:${hash}`, content],
      [hash, content],
      ['', `stream-cookie:${hash}:${content}`],
      [hash, `stream-cookie:${hash}:${content}`],
    ] as const) {
      const signature = createHmac('sha256', key).update(text).digest('base64url')
      expect(await statusWith(url, `viewra_events_stream=${content}.${signature}`)).toBe(401)
    }
  })

  test('are changed for a cookie that every server of the same secret takes, and no other', async () => {
    const secret = 'the secret of this test, long enough'
    const one = await listeningApp({ module: { tokens, cookieSecret: secret } })
    const other = await listeningApp({ module: { tokens, cookieSecret: secret } })
    const stranger = await listeningApp({ module: { tokens } })
    const cookie = await cookieOf(one.url, viewer.token)
    expect(await statusWith(other.url, cookie)).toBe(200)
    expect(await statusWith(stranger.url, cookie)).toBe(401)
  })

  test('open streams again where the host app says who is who, for an hour', async () => {
    const authorize: EventsModuleOptions['authorize'] = ({ headers }) =>
      headers.authorization === 'Bearer a.jwt.of-the-host' ? { name: 'vera', role: 'admin' } : undefined
    const { bus, url } = await listeningApp({ module: { authorize } })
    const cookie = await cookieOf(url, 'a.jwt.of-the-host')
    expect(await statusWith(url, cookie)).toBe(200)
    expect(await statusWith(url, `${cookie}x`)).toBe(401)
    const client = await SocketClient.open(url, { headers: { cookie } })
    client.send({ type: 'publish', id: '1', event: { type: 'a', source: 'x' } })
    expect(await client.next()).toMatchObject({ type: 'error', id: '1', code: 'HTTP_FORBIDDEN' })
    expect(await bus.count()).toBe(0)
    expect((await fetch(`${url}/stats`, { headers: { cookie } })).status).toBe(401)
    const now = Date.now
    onTestFinished(() => {
      Date.now = now
    })
    Date.now = () => now() + 3_600_000
    expect(await statusWith(url, cookie)).toBe(401)
  })

  test('are good for nothing once their token was taken away', async () => {
    let known: readonly TokenEntry[] = tokens
    const { app, url } = await listeningApp({ module: { tokens: () => known } })
    const ticket = await ticketOf(url)
    known = [admin.entry]
    expect((await app.inject(`${URL}/stream?ticket=${ticket}`)).statusCode).toBe(401)
  })

  test('stand for a token on streams only', async () => {
    const { app, url } = await listeningApp({ module: { tokens } })
    const ticket = await ticketOf(url)
    expect((await app.inject(`${URL}/stats?ticket=${ticket}`)).statusCode).toBe(401)
    expect((await app.inject(`${URL}/stream?ticket=unknown`)).statusCode).toBe(401)
    const client = await SseClient.open(`${url}/stream?ticket=${ticket}`)
    client.leave()
  })
})

describe('a WebSocket', () => {
  test('publishes for whom a token lets it, as what the token lets it', async () => {
    const { bus, url } = await listeningApp({ module: { tokens } })
    const event = { type: 'scan.started', source: 'plugin:scanner' }
    const asViewer = await SocketClient.open(url, { headers: bearer(viewer.token) })
    asViewer.send({ type: 'publish', id: '1', event })
    expect(await asViewer.next()).toMatchObject({ type: 'error', id: '1', code: 'HTTP_FORBIDDEN' })
    const asScanner = await SocketClient.open(url, { headers: bearer(scanner.token) })
    asScanner.send({ type: 'publish', id: '2', event: { ...event, source: 'system' } })
    expect(await asScanner.next()).toMatchObject({ type: 'error', id: '2', errors: [{ path: 'source' }] })
    asScanner.send({ type: 'publish', id: '3', event })
    expect(await asScanner.next()).toMatchObject({ type: 'ack', id: '3' })
    expect(await bus.count()).toBe(1)
  })

  test('publishes no more once its token was taken away, and no id that is a path', async () => {
    let known: readonly TokenEntry[] = tokens
    const { bus, url } = await listeningApp({ module: { tokens: () => known } })
    const client = await SocketClient.open(url, { headers: bearer(publisher.token) })
    client.send({ type: 'publish', id: '1', event: { type: 'a', source: 'x', id: 'clear' } })
    expect(await client.next()).toMatchObject({ type: 'error', id: '1', code: 'EVENTS_INVALID' })
    known = []
    client.send({ type: 'publish', id: '2', event: { type: 'a', source: 'x' } })
    expect(await client.next()).toMatchObject({ type: 'error', id: '2', code: 'HTTP_UNAUTHORIZED' })
    expect(await bus.count()).toBe(0)
  })

  test.each(['POST', 'OPTIONS', 'DELETE'])(
    'that is asked for with %s leaves no connection open',
    async (method) => {
      const { app, url } = await listeningApp()
      const headers = { connection: 'upgrade', upgrade: 'websocket' }
      const asked = request(`${url}/ws`, { method, headers, agent: false }).end()
      const [response]: IncomingMessage[] = await once(asked, 'response')
      response?.resume()
      const open = () =>
        new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))
      await expect.poll(open).toBe(0)
    },
  )

  test.each([
    ['no token', {}, 401],
    ['a wrong token', bearer('vwe_wrong'), 401],
  ])('with %s is refused before it is one', async (_what, headers, status) => {
    const { url } = await listeningApp({ module: { tokens } })
    await expect(SocketClient.open(url, { headers })).rejects.toThrow(`${status}`)
  })

  test('of a page of another site is refused', async () => {
    const { url } = await listeningApp()
    await expect(SocketClient.open(url, { origin: 'https://evil.example' })).rejects.toThrow('403')
  })
})

describe('audit events', () => {
  test('tell who did what, with what, from where', async () => {
    const { app, bus } = await guardedApp()
    await bus.publish({ id: 'e1', type: 'a', source: 'x' })
    const headers = { ...bearer(admin.token), 'user-agent': 'curl/8' }
    await app.inject({ method: 'DELETE', url: `${URL}/e1`, headers })
    expect(await audits(bus)).toMatchObject([
      {
        type: 'audit.event.deleted',
        source: 'user:ada',
        data: { principal: 'ada', ip: '127.0.0.1', user_agent: 'curl/8', target: { id: 'e1' } },
      },
    ])
  })

  test('are not left by what was refused or failed', async () => {
    const { app, bus } = await guardedApp()
    await app.inject({ method: 'DELETE', url: `${URL}/none`, headers: bearer(admin.token) })
    await app.inject({ method: 'DELETE', url: `${URL}/none`, headers: bearer(viewer.token) })
    expect(await audits(bus)).toEqual([])
  })
})

async function audits(bus: EventBus) {
  return (await bus.list({ limit: 10, filter: { types: ['audit.*'] } })).events
}

test('a principal has at most 1,000 open tickets, and others get theirs', async () => {
  const { app } = await guardedApp()
  const ticketOf = async (token: string) =>
    (await app.inject({ method: 'POST', url: `${URL}/tickets`, headers: bearer(token) })).statusCode
  const statuses = new Set<number>()
  for (let n = 0; n < 1_000; n++) statuses.add(await ticketOf(viewer.token))
  expect(statuses).toEqual(new Set([201]))
  expect(await ticketOf(viewer.token)).toBe(429)
  expect(await ticketOf(publisher.token)).toBe(201)
})

test('a stream and a socket end soon after their token was taken away, and those of others go on', async () => {
  let known = tokens
  const { url } = await listeningApp({ module: { tokens: () => known } })
  const streams = await Promise.all(
    [viewer, publisher].map(({ token }) => SseClient.open(`${url}/stream`, bearer(token))),
  )
  const [ended, kept] = streams
  await Promise.all(streams.map((stream) => stream.until('connected')))
  const socket = await SocketClient.open(url, { headers: bearer(viewer.token) })
  known = tokens.filter(({ name }) => name !== viewer.entry.name)
  expect((await ended?.until('bye'))?.at(-1)?.data).toMatchObject({ reason: 'revoked' })
  expect(await socket.closed).toEqual({ code: 1008, reason: 'revoked' })
  expect(await Promise.race([kept?.until('bye'), Promise.resolve('open')])).toBe('open')
})
