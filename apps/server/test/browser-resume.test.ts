import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { createToken } from '@viewra/events-module'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser } from './browser.ts'
import { ServerProcess, startServer, temporaryFolder } from './server-process.ts'

/**
 * Follows the stream as any page would that has a token, and remembers the number of every event: it gets one ticket,
 * and never another one, so what lets it in after a restart is the cookie that the ticket was changed for.
 */
const pageFor = (token: string) => `<!doctype html><title>events</title><script type="module">
  window.numbers = []
  window.opened = 0
  const headers = { authorization: 'Bearer ${token}' }
  const { ticket } = await (await fetch('/api/v1/events/tickets', { method: 'POST', headers })).json()
  const query = new URLSearchParams({ types: 'test.numbered', from: 'beginning', ticket })
  const stream = new EventSource('/api/v1/events/stream?' + query)
  stream.onopen = () => { window.opened++ }
  stream.onmessage = ({ data }) => {
    const frame = JSON.parse(data)
    if (frame.type === 'event') window.numbers.push(frame.data.data.n)
  }
</script>`

const LAUNCH_MS = 60_000

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
}, LAUNCH_MS)

afterAll(async () => {
  await browser?.close()
})

/** Publishes numbers, one after the other, and answers the next one. */
async function publish(url: string, token: string, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    const response = await fetch(`${url}/api/v1/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        connection: 'close',
      },
      body: JSON.stringify({ type: 'test.numbered', source: 'test', data: { n } }),
    })
    expect(response.status).toBe(201)
  }
}

test('a page whose server is killed and started again has every event exactly once', {
  timeout: 120_000,
}, async () => {
  const folder = temporaryFolder()
  const viewer = createToken()
  const publisher = createToken()
  const env = {
    VIEWRA_EVENTS_DATABASE_URL: `sqlite:${path.join(folder, 'events.db')}`,
    VIEWRA_EVENTS_TOKENS_FILE: path.join(folder, 'tokens.json'),
  }
  const tokens = [
    { name: 'page', role: 'viewer', hash: viewer.hash },
    { name: 'publisher', role: 'publisher', hash: publisher.hash },
  ]
  writeFileSync(env.VIEWRA_EVENTS_TOKENS_FILE, JSON.stringify(tokens))
  const { server, url } = await startServer(env)
  await publish(url, publisher.token, 1, 50)
  const page = await browser.newPage()
  // At the server's own origin, so that the page may read the stream; the stream itself is not touched.
  const body = pageFor(viewer.token)
  await page.route(`${url}/page`, (route) => route.fulfill({ contentType: 'text/html', body }))
  await page.goto(`${url}/page`)
  const seen = () => page.evaluate<number[]>('window.numbers ?? []')
  await expect.poll(async () => (await seen()).length, { timeout: 20_000 }).toBe(50)

  // Killed in the middle of publishing: what was acknowledged is there afterwards.
  await publish(url, publisher.token, 51, 100)
  server.kill('SIGKILL')
  await server.exit
  const again = new ServerProcess({ ...env, VIEWRA_EVENTS_PORT: new URL(url).port })
  await again.url()
  await publish(url, publisher.token, 101, 150)
  await expect.poll(() => page.evaluate('window.opened'), { timeout: 30_000 }).toBe(2)
  await publish(url, publisher.token, 151, 200)

  await expect.poll(async () => (await seen()).at(-1), { timeout: 30_000 }).toBe(200)
  expect(await seen()).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  await page.close()
})
