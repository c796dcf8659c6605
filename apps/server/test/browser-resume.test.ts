import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import chromium, { inflate } from '@sparticuz/chromium'
import { type Browser, chromium as playwright } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ServerProcess, startServer, temporaryFolder } from './server-process.ts'

/** Follows the stream as any page would, and remembers the number of every event. */
const PAGE = `<!doctype html><title>events</title><script>
  window.numbers = []
  window.opened = 0
  const stream = new EventSource('/api/v1/events/stream?types=test.numbered&from=beginning')
  stream.onopen = () => { window.opened++ }
  stream.onmessage = ({ data }) => {
    const frame = JSON.parse(data)
    if (frame.type === 'event') window.numbers.push(frame.data.data.n)
  }
</script>`

const LAUNCH_MS = 60_000

let browser: Browser

/** The package brings the libraries that the browser needs, but unpacks them only where it expects to be run. */
async function unpackLibraries(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('@sparticuz/chromium'))
  await inflate(path.join(path.dirname(entry), '../bin/al2023.tar.br'))
  return path.join(tmpdir(), 'al2023', 'lib')
}

beforeAll(async () => {
  const libraries = await unpackLibraries()
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    // It is given pages of this machine only, so it has nothing to ask of any other.
    args: [
      ...chromium.args,
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
    headless: true,
  })
}, LAUNCH_MS)

afterAll(async () => {
  await browser?.close()
})

/** Publishes numbers, one after the other, and answers the next one. */
async function publish(url: string, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    const response = await fetch(`${url}/api/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ type: 'test.numbered', source: 'test', data: { n } }),
    })
    expect(response.status).toBe(201)
  }
}

test('a page whose server is killed and started again has every event exactly once', {
  timeout: 120_000,
}, async () => {
  const file = path.join(temporaryFolder(), 'events.db')
  const { server, url } = await startServer({ VIEWRA_EVENTS_DATABASE_URL: `sqlite:${file}` })
  await publish(url, 1, 50)
  const page = await browser.newPage()
  // At the server's own origin, so that the page may read the stream; the stream itself is not touched.
  await page.route(`${url}/page`, (route) => route.fulfill({ contentType: 'text/html', body: PAGE }))
  await page.goto(`${url}/page`)
  const seen = () => page.evaluate<number[]>('window.numbers')
  await expect.poll(async () => (await seen()).length, { timeout: 20_000 }).toBe(50)

  // Killed in the middle of publishing: what was acknowledged is there afterwards.
  await publish(url, 51, 100)
  server.kill('SIGKILL')
  await server.exit
  const again = new ServerProcess({
    VIEWRA_EVENTS_DATABASE_URL: `sqlite:${file}`,
    VIEWRA_EVENTS_PORT: new URL(url).port,
  })
  await again.url()
  await publish(url, 101, 150)
  await expect.poll(() => page.evaluate('window.opened'), { timeout: 30_000 }).toBe(2)
  await publish(url, 151, 200)

  await expect.poll(async () => (await seen()).at(-1), { timeout: 30_000 }).toBe(200)
  expect(await seen()).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  await page.close()
})
