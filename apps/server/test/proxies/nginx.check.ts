import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createToken } from '@viewra/events-module'
import type { Browser, Page } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { launchBrowser } from '../browser.ts'
import { startServer, temporaryFolder } from '../server-process.ts'
import { freePort, Nginx, requireProgram } from './nginx.ts'

const { token, hash } = createToken()
const AUTHORIZED = { authorization: `Bearer ${token}` }

let browser: Browser
let nginx: Nginx
let ports: { readonly tls: number; readonly plain: number; readonly bare: number }
let upstream: string

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  const { url } = await startServer({ VIEWRA_EVENTS_DATABASE_URL: 'memory:', ...env })
  upstream = url
  ports = { tls: await freePort(), plain: await freePort(), bare: await freePort() }
  const folder = path.join(temporaryFolder(), 'nginx')
  mkdirSync(folder)
  nginx = await Nginx.start(folder, new URL(url).host, ports)
  await expect
    .poll(() => reachable(`http://127.0.0.1:${ports.plain}/healthz`), { timeout: 20_000 })
    .toBe(true)
}

async function reachable(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}

function tokensFile(): string {
  const file = path.join(temporaryFolder(), 'tokens.json')
  writeFileSync(file, JSON.stringify([{ name: 'ada', role: 'admin', hash }]))
  return file
}

// One for each test: this build of Chromium runs in one process, where contexts share their cookies.
beforeEach(async () => {
  requireProgram('nginx', '-v')
  requireProgram('openssl', 'version')
  browser = await launchBrowser()
}, 60_000)

afterEach(async () => {
  await browser?.close()
  await nginx?.stop()
})

async function publish(from: number, to: number): Promise<void> {
  const events = Array.from({ length: to - from + 1 }, (_, index) => ({
    type: 'test.numbered',
    source: 'test',
    data: { n: from + index },
  }))
  const headers = { ...AUTHORIZED, 'content-type': 'application/json' }
  const body = JSON.stringify(events)
  const answer = await fetch(`${upstream}/api/v1/events/batch`, { method: 'POST', headers, body })
  expect(answer.status).toBe(201)
}

/** Everything that the page asks for, and what became of it. */
function failuresOf(page: Page): string[] {
  const failures: string[] = []
  page.on('response', (answer) => {
    if (answer.status() >= 400) failures.push(`${answer.status()} ${answer.url()}`)
  })
  page.on('pageerror', (error) => failures.push(String(error)))
  return failures
}

/** A page that lists all events by their links, follows the stream and has a socket, all by references of its own. */
const PAGE = `<!doctype html><title>events</title><script type="module">
  const api = new URL('api/v1/events', location.href)
  const headers = { authorization: 'Bearer ${token}' }
  const ticket = async () => (await (await fetch(api + '/tickets', { method: 'POST', headers })).json()).ticket
  Object.assign(window, { listed: [], streamed: [], opened: 0, received: [] })

  for (let next = api + '?limit=7&order=asc&type=test.numbered'; next !== undefined; ) {
    const answer = await fetch(next, { headers })
    listed.push(...(await answer.json()).events.map(({ data }) => data.n))
    const [, target] = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '') ?? []
    next = target && new URL(target, answer.url).href
  }

  const query = new URLSearchParams({ types: 'test.numbered', from: 'beginning', ticket: await ticket() })
  const stream = new EventSource(api + '/stream?' + query)
  stream.onopen = () => { window.opened++ }
  stream.onmessage = ({ data }) => {
    const frame = JSON.parse(data)
    if (frame.type === 'event') streamed.push(frame.data.data.n)
  }

  const socket = new WebSocket(api.href.replace('http', 'ws') + '/ws?ticket=' + await ticket())
  socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', id: 'all', from: 'beginning', filter: { types: ['test.numbered'] } }))
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    if (message.type === 'event') received.push(message.event.data.n)
  }
</script>`

const numbers = (to: number) => Array.from({ length: to }, (_, index) => index + 1)

describe('through nginx', () => {
  const ways = [
    ['plain', () => `http://127.0.0.1:${ports.plain}`],
    ['over TLS', () => `https://127.0.0.1:${ports.tls}`],
    ['over TLS, below a path', () => `https://127.0.0.1:${ports.tls}/tools`],
  ] as const

  test.each(ways)('%s a page has lists, streams with reconnects, and sockets', async (_name, base) => {
    await start({ VIEWRA_EVENTS_TOKENS_FILE: tokensFile(), VIEWRA_EVENTS_TRUST_PROXY: 'loopback' })
    await publish(1, 30)
    const page = await browser.newPage({ ignoreHTTPSErrors: true })
    const failures = failuresOf(page)
    await page.route(`${base()}/page`, (route) => route.fulfill({ contentType: 'text/html', body: PAGE }))
    await page.goto(`${base()}/page`)
    const has = (name: string) => page.evaluate<unknown>(`window.${name}`)
    const poll = (name: string) => expect.poll(() => has(name), { timeout: 20_000 })
    await poll('listed').toEqual(numbers(30))
    await poll('streamed').toEqual(numbers(30))
    await poll('received').toEqual(numbers(30))
    await publish(31, 40)
    await poll('streamed').toEqual(numbers(40))
    await poll('received').toEqual(numbers(40))

    await nginx.stop()
    await publish(41, 50)
    nginx.resume()
    await poll('opened').toBe(2)
    await publish(51, 60)
    await poll('streamed').toEqual(numbers(60))
    expect(failures).toEqual([])
    const [cookie] = await page.context().cookies(`${base()}/api/v1/events/stream`)
    expect(cookie).toMatchObject({ secure: base().startsWith('https'), httpOnly: true })
  })

  // What works below a path works without one, and drawing the page takes its time.
  test.each([ways[2]])('%s the page of the docs works', async (name, base) => {
    await start({ VIEWRA_EVENTS_TOKENS_FILE: tokensFile(), VIEWRA_EVENTS_TRUST_PROXY: 'loopback' })
    const page = await browser.newPage({ ignoreHTTPSErrors: true })
    const failures = failuresOf(page)
    await page.goto(`${base()}/docs`)
    const operation = page.locator('.opblock', { hasText: 'Health' }).first()
    await operation.locator('.opblock-summary-control').click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
    await operation.getByRole('button', { name: 'Execute' }).click()
    const asked = operation.locator('.request-url pre')
    const status = operation.locator('.live-responses-table .response-col_status').last()
    await expect.poll(() => asked.textContent(), { timeout: 20_000 }).toBe(`${base()}/api/v1/events/health`)
    await expect.poll(() => status.textContent(), { timeout: 20_000 }).toMatch(/^200/)
    await asked.scrollIntoViewIfNeeded()
    await page.screenshot({
      path: path.join(tmpdir(), `viewra-events-docs-${name.replaceAll(/\W+/g, '-')}.png`),
    })
    expect(failures).toEqual([])
  })

  test('long queries and large batches pass', async () => {
    await start({ VIEWRA_EVENTS_TOKENS_FILE: tokensFile(), VIEWRA_EVENTS_TRUST_PROXY: 'loopback' })
    await publish(1, 3)
    const api = `http://127.0.0.1:${ports.plain}/api/v1/events`
    const types = ['test.numbered', ...Array.from({ length: 400 }, (_, n) => `some.other_type_${n}`)]
    const list = await fetch(`${api}?limit=2&types=${types}`, { headers: AUTHORIZED })
    expect(list.status).toBe(200)
    expect(list.headers.get('next-cursor')).toMatch(/./)
    const event = { type: 'a', source: 'x', data: { blob: 'x'.repeat(200_000) } }
    const headers = { ...AUTHORIZED, 'content-type': 'application/json' }
    const body = JSON.stringify(Array.from({ length: 100 }, () => event))
    expect((await fetch(`${api}/batch`, { method: 'POST', headers, body })).status).toBe(201)
  })

  test('nothing is served without tokens, even if nginx is told only whom to ask', async () => {
    await start({})
    for (const port of [ports.plain, ports.bare]) {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/events/clear`, { method: 'POST' })
      expect([answer.status, (await answer.text()).includes('VIEWRA_EVENTS_TOKENS_FILE')]).toEqual([
        403,
        true,
      ])
    }
  })
})
