import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { createToken } from '../src/index.ts'
import { eventsApp, listeningApp } from './events-app.ts'

const PATH = '/api/v1/events'
/** Where a browser finds the app: a proxy takes `/tools` away before it asks. */
const OUTSIDE = `https://media.example/tools${PATH}`

/** Asks as a proxy does that takes the first segment of the path away. */
function ask(app: FastifyInstance, url: string, headers: Record<string, string> = {}) {
  const { pathname, search } = new URL(url)
  return app.inject({ url: pathname.replace(/^\/tools/, '') + search, headers })
}

async function appWithEvents(count: number, data = {}) {
  const { app, bus } = await eventsApp()
  const events = Array.from({ length: count }, (_, n) => ({ id: `e${n}`, type: 'a', source: 'x', data }))
  await bus.publishMany(events)
  return app
}

describe('below a path that a proxy takes away', () => {
  test.each(['', '/', '/range'])('the link of a page of "%s" leads to the next one', async (path) => {
    const app = await appWithEvents(5)
    const range = path === '/range' ? '&start=2020-01-01T00:00:00Z&end=2900-01-01T00:00:00Z' : ''
    const seen: string[] = []
    let url: string | undefined = `${OUTSIDE}${path}?limit=2${range}`
    while (url !== undefined) {
      expect(url).toContain(`${OUTSIDE}${path}?`)
      const answer = await ask(app, url)
      seen.push(...answer.json().events.map(({ id }: { id: string }) => id))
      const [, target] = /^<(.+)>; rel="next"$/.exec(String(answer.headers.link)) ?? []
      url = target === undefined ? undefined : new URL(target, url).href
    }
    expect(seen).toEqual(['e4', 'e3', 'e2', 'e1', 'e0'])
  })

  test.each(['/docs', '/docs/'])('the page %s finds its scripts and styles', async (path) => {
    const { app } = await eventsApp()
    const page = await ask(app, OUTSIDE + path)
    const references = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, reference = '']) => reference,
    )
    expect(references.length).toBeGreaterThan(5)
    for (const reference of references) {
      const { href } = new URL(reference, OUTSIDE + path)
      expect(href).toMatch(new RegExp(`^${OUTSIDE}/docs/static/`))
      expect((await ask(app, href)).statusCode, href).toBe(200)
    }
  })

  test.each(['/openapi.json', '/openapi.json/', '/docs/json'])(
    'the document %s names the server by where it was got',
    async (path) => {
      const { app } = await eventsApp()
      const { servers, paths } = (await ask(app, OUTSIDE + path)).json()
      const base = new URL(servers[0].url, OUTSIDE + path).href.replace(/\/$/, '')
      expect(base).toBe(OUTSIDE)
      expect(Object.keys(paths)).toContain('/stats')
      expect((await ask(app, `${base}/stats`)).statusCode).toBe(200)
    },
  )

  test('the cookie of a stream is for where the browser asked', async () => {
    const { token, hash } = createToken()
    const tokens = [{ name: 'vera', role: 'viewer', hash }] as const
    const { url } = await listeningApp({ module: { tokens }, fastify: { trustProxy: 'loopback' } })
    const authorization = `Bearer ${token}`
    const issued = await fetch(`${url}/tickets`, { method: 'POST', headers: { authorization } })
    const { ticket } = JSON.parse(await issued.text())
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'media.example' }
    const opened = await fetch(`${url}/stream?ticket=${ticket}`, { headers })
    await opened.body?.cancel()
    const cookie = opened.headers.get('set-cookie')
    expect(cookie).not.toContain('Path=')
    expect(cookie).toContain('; Secure')
  })
})

describe('a link to the next page', () => {
  test('has the whole query, whatever is in it', async () => {
    const app = await appWithEvents(3, { s: 'a?b#c&d', t: '<ä>' })
    const conditions = new URLSearchParams({ 'data.s': 'a?b#c&d', 'data.t': '<ä>', limit: '2' })
    for (const query of [String(conditions), `data.s=a?b%23c%26d&data.t=%3C%C3%A4%3E&limit=2`]) {
      const first = await app.inject(`${PATH}?${query}`)
      const [, target = ''] = /^<(\?[^<>]+)>; rel="next"$/.exec(String(first.headers.link)) ?? []
      expect(new URLSearchParams(target).get('data.s')).toBe('a?b#c&d')
      expect((await app.inject(PATH + target)).json().events).toMatchObject([{ id: 'e0' }])
    }
  })

  test('is left out where it would be too large for proxies; the cursor is there all the same', async () => {
    const app = await appWithEvents(3)
    const types = ['a', ...Array.from({ length: 400 }, (_, n) => `some.type_${n}`)]
    const answer = await app.inject(`${PATH}?limit=2&types=${types}`)
    expect(answer.headers).not.toHaveProperty('link')
    const cursor = answer.json().next_cursor
    const next = await app.inject(`${PATH}?limit=2&types=${types}&cursor=${cursor}`)
    expect(next.json().events).toMatchObject([{ id: 'e0' }])
    // CloudEvents have no place for it in the body.
    const accept = { accept: 'application/cloudevents-batch+json' }
    const batch = await app.inject({ url: `${PATH}?limit=2&types=${types}`, headers: accept })
    expect(batch.headers['next-cursor']).toBe(cursor)
  })

  test('leaves the head of an answer below 4 KiB, which proxies have room for', async () => {
    const { app, bus } = await eventsApp({ module: { corsOrigins: ['https://media.example'] } })
    await bus.publishMany([1, 2, 3].map(() => ({ type: 'a', source: 'x' })))
    for (let count = 0; count < 240; count += 3) {
      const types = ['a', ...Array.from({ length: count }, (_, n) => `some.other_type_${n}`)]
      const headers = { origin: 'https://media.example' }
      const answer = await app.inject({ url: `${PATH}?limit=2&types=${types}`, headers })
      const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`)
      expect(lines.join('').length).toBeLessThan(4_096)
    }
  })
})

describe('headers that the host has set', () => {
  test('Vary is added to', async () => {
    const { app, bus } = await eventsApp({
      module: { corsOrigins: ['https://media.example'] },
      host: (host) =>
        host.addHook('onRequest', async (_request, reply) => void reply.header('vary', 'Cookie')),
    })
    await bus.publish({ id: 'e', type: 'a', source: 'x' })
    for (const path of ['', '/range?start=2020-01-01T00:00:00Z&end=2900-01-01T00:00:00Z', '/e']) {
      const { headers } = await app.inject({ url: PATH + path, headers: { origin: 'https://media.example' } })
      expect(String(headers.vary).split(', ').toSorted()).toEqual(['Accept', 'Cookie', 'Origin'])
    }
  })

  test('Link is added to', async () => {
    const preload = '</style.css>; rel="preload"'
    const { app, bus } = await eventsApp({
      host: (host) =>
        host.addHook('onRequest', async (_request, reply) => void reply.header('link', preload)),
    })
    await bus.publishMany([1, 2].map(() => ({ type: 'a', source: 'x' })))
    const { headers } = await app.inject(`${PATH}?limit=1`)
    expect(headers.link).toMatch(/^<\/style\.css>; rel="preload", <\?[^>]+>; rel="next"$/)
  })

  test('no browser is told to use TLS alone, unless the host does', async () => {
    for (const path of ['', '/stats', '/docs', '/docs/static/swagger-ui.css', '/health']) {
      const plain = await eventsApp()
      expect((await plain.app.inject(PATH + path)).headers).not.toHaveProperty('strict-transport-security')
      const strict = await eventsApp({
        host: (host) =>
          host.addHook(
            'onRequest',
            async (_request, reply) => void reply.header('strict-transport-security', 'max-age=60'),
          ),
      })
      expect((await strict.app.inject(PATH + path)).headers['strict-transport-security']).toBe('max-age=60')
    }
  })
})
