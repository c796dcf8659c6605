import { Agent, get, request } from 'node:http'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ServerProcess, temporaryFolder } from './server-process.ts'

const MAIN = fileURLToPath(new URL('./overload-server.ts', import.meta.url))
const SOCKETS = 200
const HAMMER_MS = 5_000
const MAX_RSS_BYTES = 700_000_000

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

interface Page {
  readonly events: readonly { readonly id: string }[]
  readonly next_cursor?: string
}

/** Overloaded soon. */
const SMALL = { eventLoopDelayMs: 4, sampleMs: 50, reads: { atOnce: 2, perOwner: 1, waiting: 0 } }

async function startSmall(limits: object = SMALL): Promise<{ server: ServerProcess; url: string }> {
  const database = `sqlite:${path.join(temporaryFolder(), 'events.db')}`
  const env = {
    VIEWRA_EVENTS_PORT: '0',
    VIEWRA_EVENTS_DATABASE_URL: database,
    VIEWRA_EVENTS_LOG_LEVEL: 'fatal',
  }
  const server = new ServerProcess(env, [JSON.stringify(limits)], MAIN)
  return { server, url: await server.url() }
}

function publish(url: string, id: string, agent: Agent): Promise<Answer> {
  const body = JSON.stringify({
    id,
    type: 'test.hammered',
    source: 'test',
    data: { text: 'x'.repeat(2_000) },
  })
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const sent = request(`${url}/api/v1/events`, { method: 'POST', headers, agent }, async (response) => {
      const { statusCode: status = 0, headers } = response
      resolve({ status, headers, body: await text(response) })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Publishes from many connections for a time. @returns all answers by the event's id */
async function hammer(url: string): Promise<Map<string, Answer>> {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS })
  const answers = new Map<string, Answer>()
  const endMs = performance.now() + HAMMER_MS
  const publisher = async (number: number) => {
    for (let n = 0; performance.now() < endMs; n++) {
      const id = `${number}-${n}`
      const answer = await publish(url, id, agent)
      answers.set(id, answer)
      // As Retry-After asks, though not for as long: the test is about what comes too early.
      if (answer.status === 503) await sleep(50)
    }
  }
  await Promise.all(Array.from({ length: SOCKETS }, (_, number) => publisher(number)))
  agent.destroy()
  return answers
}

async function storedIds(url: string): Promise<Set<string>> {
  const ids = new Set<string>()
  let cursor: string | undefined
  do {
    const next = cursor === undefined ? '' : `&cursor=${cursor}`
    const response = await fetch(`${url}/api/v1/events?type=test.hammered&limit=1000${next}`)
    const page = (await response.json()) as Page // As docs/http-api.md has it.
    for (const { id } of page.events) ids.add(id)
    cursor = page.next_cursor
  } while (cursor !== undefined)
  return ids
}

/** What /healthz and /metrics answer, over and over, until `done`. */
async function operatorsSee(url: string, done: Promise<unknown>): Promise<Set<number>> {
  const seen = new Set<number>()
  let isDone = false
  void done.finally(() => {
    isDone = true
  })
  while (!isDone) {
    for (const route of ['/healthz', '/metrics']) {
      const response = await fetch(url + route)
      await response.text()
      seen.add(response.status)
    }
    await sleep(100)
  }
  return seen
}

test('an overloaded server turns publishes away, answers its operators, loses nothing and recovers', {
  timeout: 90_000,
}, async () => {
  const { url } = await startSmall()
  const stream = await vi.waitUntil(async () => {
    const response = await fetch(`${url}/api/v1/events/stream?types=test.recovered`)
    return response.ok && response.body?.pipeThrough(new TextDecoderStream()).getReader()
  }, 10_000)
  const hammering = hammer(url)
  expect([...(await operatorsSee(url, hammering))]).toEqual([200])
  const answers = [...(await hammering)]
  expect(new Set(answers.map(([, { status }]) => status))).toEqual(new Set([201, 503]))

  const refused = answers.flatMap(([, answer]) => (answer.status === 503 ? [answer] : []))
  expect(refused.length).toBeGreaterThan(0)
  for (const { headers, body } of refused) {
    expect(headers['retry-after']).toMatch(/^\d+$/)
    expect(headers['content-type']).toContain('application/problem+json')
    expect(JSON.parse(body)).toMatchObject({
      status: 503,
      code: expect.stringMatching(/^(HTTP_OVERLOADED|EVENTS_BUFFER_FULL)$/),
    })
  }
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1])).toBeLessThan(MAX_RSS_BYTES)

  const stored = await storedIds(url)
  const lost = answers.filter(([id, { status }]) => status === 201 && !stored.has(id))
  expect(lost).toEqual([])

  const body = JSON.stringify({ type: 'test.recovered', source: 'test' })
  const headers = { 'content-type': 'application/json' }
  await vi.waitFor(
    async () =>
      expect((await fetch(`${url}/api/v1/events`, { method: 'POST', headers, body })).status).toBe(201),
    20_000,
  )
  // The stream was open all the while.
  let received = ''
  while (!received.includes('test.recovered'))
    received += (await stream.read()).value ?? expect.fail('it ended')
  await stream.cancel()
})

/** Over a connection of its own. */
function answerOf(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, async (response) => {
      const { statusCode: status = 0, headers } = response
      resolve({ status, headers, body: await text(response) })
    }).on('error', reject)
  })
}

test('reads have a fixed share: what is beyond is refused at once, and room comes back', async () => {
  const { url } = await startSmall()
  const list = `${url}/api/v1/events`
  await vi.waitFor(async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => answerOf(list)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]))
    const refused = answers.find(({ status }) => status === 503)
    expect(refused?.headers['retry-after']).toBe('1')
    expect(JSON.parse(refused?.body ?? '')).toMatchObject({
      type: 'urn:viewra:problem:HTTP_OVERLOADED',
      title: 'Overloaded',
      code: 'HTTP_OVERLOADED',
      detail: expect.stringContaining('of this client'),
    })
  }, 20_000)
  await vi.waitFor(async () => expect((await answerOf(list)).status).toBe(200), 10_000)
})

test('a process that was stopped for a while is not overloaded when it goes on', async () => {
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  const { server, url } = await startSmall({ eventLoopDelayMs: 400, sampleMs: 50 })
  // Its start is over.
  await vi.waitFor(async () => expect((await publish(url, 'before', agent)).status).toBe(201), 10_000)
  server.kill('SIGSTOP')
  const waiting = Array.from({ length: 20 }, (_, number) => publish(url, `${number}`, agent))
  await sleep(3_000)
  server.kill('SIGCONT')
  expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set([201]))
})
