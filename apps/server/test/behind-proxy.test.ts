import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { createToken } from '@viewra/events-module'
import { afterEach, expect, test, vi } from 'vitest'
import { startServer, temporaryFolder } from './server-process.ts'

const PATH = '/api/v1/events'
/** What a browser has in its address bar. */
const PUBLIC = 'https://media.example'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

interface ProxyRules {
  readonly target: string
  /** A segment of the path that it takes away. */
  readonly strip?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A proxy as nginx is one: it asks under its own name, tells for whom, and hands upgrades on. */
async function startProxy({ target, strip = '', headers = {} }: ProxyRules): Promise<string> {
  const ask = (incoming: IncomingMessage) => {
    const url = new URL((incoming.url ?? '').slice(strip.length), target)
    const sent = { ...incoming.headers, host: url.host, ...headers }
    return request(url, { method: incoming.method ?? 'GET', headers: sent, agent: false })
  }
  const proxy = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const asked = ask(incoming)
    asked.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    asked.on('error', () => outgoing.destroy())
    outgoing.on('close', () => asked.destroy())
    incoming.pipe(asked)
  })
  proxy.on('upgrade', (incoming: IncomingMessage, socket: Duplex) => {
    const asked = ask(incoming).end()
    asked.on('error', () => socket.destroy())
    asked.on('response', (answer) => socket.end(`HTTP/1.1 ${answer.statusCode} Refused\r\n\r\n`))
    asked.on('upgrade', ({ headers: accepted }, upstream) => {
      const lines = Object.entries(accepted).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`)
      socket.on('error', () => upstream.destroy()).pipe(upstream)
      upstream.on('error', () => socket.destroy()).pipe(socket)
    })
  })
  ends.push(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

const FORWARDED = {
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-host': 'media.example',
  'x-forwarded-proto': 'https',
}

function withTokens(role: string): { readonly token: string; readonly env: Record<string, string> } {
  const { token, hash } = createToken()
  const file = path.join(temporaryFolder(), 'tokens.json')
  writeFileSync(file, JSON.stringify([{ name: 'ada', role, hash }]))
  const env = { VIEWRA_EVENTS_TOKENS_FILE: file, VIEWRA_EVENTS_DATABASE_URL: 'memory:' }
  return { token, env }
}

async function ticketOf(url: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await fetch(`${url}${PATH}/tickets`, { method: 'POST', headers })
  expect(answer.status).toBe(201)
  return JSON.parse(await answer.text()).ticket
}

/** A server that has only just started on a busy machine may say that it is overloaded. */
async function publish(url: string, init: RequestInit): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(url, init)).status).toBe(201), 10_000)
}

/** The cookie for a ticket, as the stream's answer sets it. */
async function cookieOf(url: string, token: string): Promise<string> {
  const stream = await vi.waitFor(async () => {
    const opened = await fetch(`${url}${PATH}/stream?ticket=${await ticketOf(url, token)}`)
    expect(opened.status).toBe(200)
    return opened
  }, 10_000)
  await stream.body?.cancel()
  return stream.headers.get('set-cookie') ?? ''
}

/** 101, or the status with which the upgrade was refused. */
async function upgrade(url: string, headers: Record<string, string>): Promise<number | undefined> {
  const asked = request(`${url}${PATH}/ws`, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    },
    agent: false,
  }).end()
  ends.push(() => asked.destroy())
  const [answer] = await Promise.race([once(asked, 'upgrade'), once(asked, 'response')])
  return answer.statusCode
}

test.each(['loopback', '1'])(
  'behind a TLS proxy that is trusted as %s cookies are secure, and its own pages stream and open sockets',
  async (trusted) => {
    const { token, env } = withTokens('viewer')
    const { url: target } = await startServer({ ...env, VIEWRA_EVENTS_TRUST_PROXY: trusted })
    const url = await startProxy({ target, strip: '/tools', headers: FORWARDED })
    const cookie = await cookieOf(`${url}/tools`, token)
    expect(cookie).toMatch(/; Secure$/)
    expect(cookie).not.toContain('Path=')
    const [pair = ''] = cookie.split(';')
    const own = { cookie: pair, origin: PUBLIC, 'sec-fetch-site': 'same-origin' }
    const again = await fetch(`${url}/tools${PATH}/stream`, { headers: own })
    expect(again.status).toBe(200)
    await again.body?.cancel()
    expect(await upgrade(`${url}/tools`, own)).toBe(101)
    for (const origin of ['https://evil.example', 'http://media.example', 'null']) {
      const others = { ...own, origin }
      expect([origin, (await fetch(`${url}/tools${PATH}/stream`, { headers: others })).status]).toEqual([
        origin,
        403,
      ])
      expect([origin, await upgrade(`${url}/tools`, others)]).toEqual([origin, 403])
    }
  },
)

test('the address of the client is what a trusted proxy says, and not what the client does', async () => {
  for (const [trusted, ip] of [
    ['loopback', '203.0.113.7'],
    ['10.0.0.1', '127.0.0.1'],
  ] as const) {
    const { token, env } = withTokens('admin')
    const { url: target } = await startServer({ ...env, VIEWRA_EVENTS_TRUST_PROXY: trusted })
    const claimed = '198.51.100.9, 203.0.113.7'
    const url = await startProxy({ target, headers: { ...FORWARDED, 'x-forwarded-for': claimed } })
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ id: 'e', type: 'a', source: 'x' })
    await publish(url + PATH, { method: 'POST', headers, body })
    await fetch(`${url}${PATH}/e`, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
    const { events } = JSON.parse(
      await (
        await fetch(`${url}${PATH}?type=audit.*`, { headers: { authorization: `Bearer ${token}` } })
      ).text(),
    )
    expect(events).toMatchObject([{ data: { ip } }])
    const insecure = await cookieOf(url, token)
    expect(insecure.includes('; Secure')).toBe(trusted === 'loopback')
  }
})

test('without tokens nothing is served to a proxy, figures neither', async () => {
  const { url: target } = await startServer({ VIEWRA_EVENTS_DATABASE_URL: 'memory:' })
  const url = await startProxy({ target, headers: FORWARDED })
  for (const [method, asked] of [
    ['GET', PATH],
    ['POST', `${PATH}/clear`],
    ['GET', '/metrics'],
  ] as const) {
    const answer = await fetch(url + asked, { method })
    expect([asked, answer.status]).toEqual([asked, 403])
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(await answer.text()).toContain('VIEWRA_EVENTS_TOKENS_FILE')
  }
  expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ok' })
  await expect.poll(() => upgrade(url, {})).toBe(403)
  expect((await fetch(target + PATH)).status).toBe(200)
})

test('several prefixes serve the same events, and what leads to the API is relative', async () => {
  const { url: target } = await startServer({
    VIEWRA_EVENTS_DATABASE_URL: 'memory:',
    VIEWRA_EVENTS_PREFIX: '/api/events,/api/v1/events',
  })
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ id: 'e', type: 'a', source: 'x' })
  await publish(`${target}/api/events`, { method: 'POST', headers, body })
  for (const prefix of ['/api/events', '/api/v1/events']) {
    expect(await (await fetch(`${target}${prefix}?type=a`)).json()).toMatchObject({ total: 1 })
    expect(await (await fetch(`${target}${prefix}/no/thing`)).json()).toMatchObject({
      code: 'HTTP_NOT_FOUND',
    })
    expect((await fetch(`${target}${prefix}/docs/`)).status).toBe(200)
  }
  await expect.poll(() => upgrade(target, {})).toBe(101)
  for (const path of ['/docs', '/openapi.json']) {
    const answer = await fetch(target + path, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, `api/events${path}`])
    expect((await fetch(target + path)).status).toBe(200)
  }
})

test('whatever is refused outside of the API is a problem too', async () => {
  const { env } = withTokens('viewer')
  const { url } = await startServer(env)
  for (const [method, asked, status, code] of [
    ['GET', '/', 404, 'HTTP_NOT_FOUND'],
    ['GET', '/api/v1/eventsX', 404, 'HTTP_NOT_FOUND'],
    ['PUT', '/favicon.ico', 404, 'HTTP_NOT_FOUND'],
    ['POST', '/:(x', 404, 'HTTP_NOT_FOUND'],
    ['POST', '/metrics', 405, 'HTTP_METHOD_NOT_ALLOWED'],
    ['DELETE', '/healthz?x', 405, 'HTTP_METHOD_NOT_ALLOWED'],
    ['GET', '/metrics', 401, 'HTTP_UNAUTHORIZED'],
  ] as const) {
    const answer = await fetch(url + asked, { method })
    expect([asked, answer.status]).toEqual([asked, status])
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(await answer.json()).toMatchObject({ type: `urn:viewra:problem:${code}`, status, code })
    if (status === 405) expect(answer.headers.get('allow')).toBe('GET, HEAD')
    if (status === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/)
  }
})
