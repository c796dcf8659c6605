import { renameSync } from 'node:fs'
import path from 'node:path'
import { createEventBus, type EventBus, memoryStorage } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { describe, expect, test, vi } from 'vitest'
import { EventServer, type EventServerOptions } from '../src/server.ts'
import { HeldPublish, Publishing } from './publishing.ts'
import { startServer, temporaryFolder } from './server-process.ts'

const MEMORY = { VIEWRA_EVENTS_DATABASE_URL: 'memory:' }
const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const

function newDatabase(): string {
  return path.join(temporaryFolder(), 'events.db')
}

async function withStore<R>(database: string, work: (bus: EventBus) => Promise<R>): Promise<R> {
  const bus = createEventBus({ storage: sqliteStorage({ path: database }) })
  await bus.start()
  try {
    return await work(bus)
  } finally {
    await bus.stop()
  }
}

async function missing(bus: EventBus, ids: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(ids.map((id) => bus.get(id)))
  return ids.filter((_, index) => found[index] === undefined)
}

describe.each(SIGNALS)('%s', (signal, exitCode) => {
  test('under load ends with code 0, and every event that was acknowledged is stored', async () => {
    const database = newDatabase()
    const { server, url } = await startServer({ VIEWRA_EVENTS_DATABASE_URL: `sqlite:${database}` })
    const publishing = new Publishing(url, 8)
    await publishing.reaches(300)
    server.kill(signal)
    expect(await server.exit).toMatchObject({ code: 0, signal: null })
    await publishing.done
    // A request that comes while the server closes is told so; none may fail in another way.
    expect(publishing.refusals.filter((status) => status !== 503)).toEqual([])
    await withStore(database, async (bus) => {
      expect(await missing(bus, publishing.acknowledged)).toEqual([])
      const { events } = await bus.list({ limit: 1 })
      expect(events).toMatchObject([{ type: 'system.stopped', source: 'system', data: { reason: signal } }])
    })
  })

  test('lets a request that is under way end', async () => {
    const database = newDatabase()
    const { server, url } = await startServer({ VIEWRA_EVENTS_DATABASE_URL: `sqlite:${database}` })
    const held = await HeldPublish.open(url)
    server.kill(signal)
    await server.logged('stopping')
    expect(await held.finish()).toBe(201)
    expect((await server.exit).code).toBe(0)
    await withStore(database, async (bus) =>
      expect(await bus.get('held')).toMatchObject({ type: 'test.held' }),
    )
  })

  test(`for the second time ends it on the spot with code ${exitCode}`, async () => {
    const { server, url } = await startServer(MEMORY)
    const held = await HeldPublish.open(url)
    server.kill('SIGTERM')
    await server.logged('stopping')
    server.kill(signal)
    expect((await server.exit).code).toBe(exitCode)
    expect(await held.status()).toBeUndefined()
  })
})

test('an open stream does not hold up the stop', async () => {
  const { server, url } = await startServer(MEMORY)
  const stream = await fetch(`${url}/api/v1/events/stream`)
  const reader = stream.body?.getReader()
  await reader?.read()
  server.kill('SIGTERM')
  expect((await server.exit).code).toBe(0)
})

test('a store that is away is told by /readyz, and by exit code 1 when its events cannot be stored', async () => {
  const database = newDatabase()
  const { server, url } = await startServer({ VIEWRA_EVENTS_DATABASE_URL: `sqlite:${database}` })
  renameSync(database, `${database}.away`)
  const publishing = fetch(`${url}/api/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'test.published', source: 'system' }),
  })
  await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(503), { timeout: 20_000 })
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  expect((await publishing).status).toBe(503)
  server.kill('SIGTERM')
  const exit = await server.exit
  expect(exit.code).toBe(1)
  expect(exit.stderr).toContain('"announced":false')
})

test('kill -9 under load loses no event that was acknowledged', async () => {
  const database = newDatabase()
  const env = { VIEWRA_EVENTS_DATABASE_URL: `sqlite:${database}` }
  const { server, url } = await startServer(env)
  const publishing = new Publishing(url, 8)
  await publishing.reaches(500)
  server.kill('SIGKILL')
  expect(await server.exit).toMatchObject({ signal: 'SIGKILL' })
  await publishing.done

  const { url: restarted } = await startServer(env)
  for (const id of publishing.acknowledged) {
    const response = await fetch(`${restarted}/api/v1/events/${id}`)
    expect(await response.json()).toMatchObject({ id, data: { id } })
  }
})

test('a request that does not end is cut off, and the stop tells that something was left undone', async () => {
  const lines: string[] = []
  const server = new EventServer(
    optionsWith((line) => lines.push(line), 100),
    memoryStorage(),
  )
  const held = await HeldPublish.open(await server.start())
  expect(await server.stop('test')).toBe(false)
  expect(await held.status()).toBeUndefined()
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ msg: 'stopped with work undone', answered: false })
})

test('a log that cannot be written costs neither requests nor the server', async () => {
  const write = (): never => {
    throw new Error('the log is gone')
  }
  const server = new EventServer(optionsWith(write), memoryStorage())
  const url = await server.start()
  const statuses = await Promise.all(
    ['', '?limit=x', '/nowhere', '/%'].map(
      async (path) => (await fetch(`${url}/api/v1/events${path}`)).status,
    ),
  )
  expect(statuses).toEqual([200, 400, 404, 400])
  expect(await server.stop('test')).toBe(true)
})

test('a store that does not close is told of, and is work undone', async () => {
  const lines: string[] = []
  const close = async () => {
    throw new Error('it is stuck')
  }
  const storage = Object.defineProperty(memoryStorage(), 'close', { value: close })
  const server = new EventServer(
    optionsWith((line) => lines.push(line)),
    storage,
  )
  await server.start()
  expect(await server.stop('test')).toBe(false)
  expect(lines.slice(-2).map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'Cannot close the store', err: { message: 'it is stuck' } },
    { msg: 'stopped with work undone', drained: true, closed: false },
  ])
})

function optionsWith(write: (line: string) => void, stopTimeoutMs = 8_000): EventServerOptions {
  return {
    config: {
      host: '127.0.0.1',
      port: 0,
      database: { url: 'memory:', place: 'in memory' },
      listenUrl: undefined,
      databaseWaitMs: 0,
      prefixes: ['/api/v1/events'],
      trustProxy: undefined,
      tokensFile: undefined,
      cookieSecretFile: undefined,
      queryTimeoutMs: 10_000,
      rateLimit: undefined,
      corsOrigins: [],
      logLevel: 'info',
      serviceLinks: [],
    },
    version: '1.2.3',
    logStream: { write },
    stopTimeoutMs,
  }
}
