import { PostgresServer } from '@viewra/postgres-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createEventBus, type EventBus, type EventBusOptions, type EventInput } from '../../src/index.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { Fleet } from './fleet.ts'
import { judge } from './invariants.ts'
import { TcpProxy } from './tcp-proxy.ts'

const info: EventInput<'info'> = { type: 'info', source: 'test' }
const NOTHING_WRONG = { lost: [], doubled: 0, holes: [], outOfOrder: [], unhandled: [] }

// Events that a crash must not lose have to reach the disk, so fsync stays on.
let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

let schemas = 0
const newSchema = () => `faults_${schemas++}`

function newFleet(schema: string): Fleet {
  const fleet = new Fleet({ url: server.url, schema })
  onTestFinished(() => fleet.remove())
  return fleet
}

async function busOn(schema: string, options: EventBusOptions = {}, url = server.url): Promise<EventBus> {
  const storage = postgresStorage({ url, schema, connectTimeoutMs: 1_000, statementTimeoutMs: 5_000 })
  const bus = createEventBus({ storage, pollIntervalMs: 100, ...options })
  await bus.start()
  onTestFinished(async () => {
    await bus.stop({ timeoutMs: 500 })
  })
  return bus
}

async function verdict(schema: string, fleet: Fleet) {
  const storage = postgresStorage({ url: server.url, schema })
  await storage.open()
  try {
    return await judge(storage, fleet.reports())
  } finally {
    await storage.close()
  }
}

/** Waits until the durable subscription has handled all events. */
async function caughtUp(schema: string): Promise<void> {
  const storage = postgresStorage({ url: server.url, schema })
  await storage.open()
  const behind = async () => {
    const [states, head] = await Promise.all([storage.subscriptions.list(), storage.head()])
    return head.position - (states[0]?.position ?? 0)
  }
  try {
    await expect.poll(behind, { timeout: 60_000, interval: 100 }).toBe(0)
  } finally {
    await storage.close()
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('several processes on one PostgreSQL', () => {
  test('that publish and follow concurrently all see the same sequence, complete and in order', async () => {
    const schema = newSchema()
    const fleet = newFleet(schema)
    const followers = Array.from({ length: 8 }, () => fleet.start({ follow: true, publish: 400 }))
    await Promise.all(followers.map((worker) => worker.said('published')))
    const lastSeen = () => fleet.reports().map(({ tail }) => tail.at(-1))
    await expect.poll(lastSeen, { timeout: 30_000 }).toEqual(Array.from({ length: 8 }, () => 3_200))
    await fleet.end('SIGTERM')
    expect(await verdict(schema, fleet)).toMatchObject({
      stored: 3_200,
      acknowledged: 3_200,
      lost: [],
      outOfOrder: [],
    })
  })

  test('a repeatedly killed consumer misses nothing, and repeats only what was not saved', async () => {
    const schema = newSchema()
    const fleet = newFleet(schema)
    const publisher = fleet.start({ publish: 1_500, publishers: 2, pauseMs: 1 })
    await publisher.said('started')
    for (let life = 0; life < 5; life++) {
      const consumer = fleet.start({ durable: 'consumer', handlerMs: 2 })
      await consumer.said('started')
      const handledAny = () => consumer.report().handled.length
      await expect.poll(handledAny, { timeout: 30_000 }).toBeGreaterThan(10)
      await consumer.end('SIGKILL')
    }
    fleet.start({ durable: 'consumer' })
    await publisher.said('published')
    await caughtUp(schema)
    await fleet.end('SIGTERM')
    const found = await verdict(schema, fleet)
    expect(found).toMatchObject(NOTHING_WRONG)
    // At most the events that were read but not saved: 200 may wait, and the position is saved every 50 ms.
    expect(found.furthestBack).toBeLessThan(400)
  })

  test('a consumer frozen past its lease cannot move the checkpoint when it resumes', async () => {
    const schema = newSchema()
    const fleet = newFleet(schema)
    const frozen = fleet.start({ durable: 'consumer', handlerMs: 2 })
    await frozen.said('started')
    const publisher = fleet.start({ publish: 600, publishers: 2, pauseMs: 1 })
    await expect.poll(() => frozen.report().handled.length, { timeout: 30_000 }).toBeGreaterThan(10)
    frozen.signal('SIGSTOP')
    const heir = fleet.start({ durable: 'consumer' })
    await expect.poll(() => heir.report().handled.length, { timeout: 30_000 }).toBeGreaterThan(10)
    await publisher.said('published')
    await caughtUp(schema)
    frozen.signal('SIGCONT')
    await pause(1_500)
    const late = fleet.start({ publish: 50 })
    await late.said('published')
    await caughtUp(schema)
    await fleet.end('SIGTERM')
    expect(await verdict(schema, fleet)).toMatchObject(NOTHING_WRONG)
  })
})

describe('a PostgreSQL that becomes unavailable', () => {
  test.each(['SIGKILL', 'SIGINT'] as const)(
    'by %s under load and comes back loses nothing that was acknowledged',
    async (signal) => {
      const schema = newSchema()
      const fleet = newFleet(schema)
      const workers = Array.from({ length: 3 }, () =>
        fleet.start({ publish: 300, pauseMs: 2, follow: true, durable: 'consumer' }),
      )
      await Promise.all(workers.map((worker) => worker.said('started')))
      await pause(100)
      await server.end(signal)
      await pause(300)
      await server.startAgain()
      await Promise.all(workers.map((worker) => worker.said('published')))
      await caughtUp(schema)
      await expect
        .poll(() => fleet.reports().map(({ tail }) => tail.at(-1)), { timeout: 30_000 })
        .toEqual([900, 900, 900])
      await fleet.end('SIGTERM')
      expect(await verdict(schema, fleet)).toMatchObject({ stored: 900, acknowledged: 900, ...NOTHING_WRONG })
    },
  )

  test('rejects publishes after their timeout, makes health down, and recovers by itself', async () => {
    const proxy = await TcpProxy.start(server.port)
    onTestFinished(() => proxy.stop())
    const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`)
    const bus = await busOn(newSchema(), {}, url)
    await bus.publish({ ...info, id: 'before' })
    proxy.freeze()
    await expect(bus.publish({ ...info, id: 'during' }, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'EVENTS_STORAGE_UNAVAILABLE',
    })
    expect(await bus.health()).toMatchObject({ status: 'down' })
    proxy.cut()
    proxy.thaw()
    await bus.publish({ ...info, id: 'after' }, { timeoutMs: 20_000 })
    await expect.poll(async () => (await bus.health()).status).toBe('ok')
    expect(await bus.get('after')).toBeDefined()
  })

  test('a connection cut during an append leaves its outcome unknown; the retry stores nothing twice', async () => {
    const proxy = await TcpProxy.start(server.port)
    onTestFinished(() => proxy.stop())
    const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`)
    const bus = await busOn(newSchema(), { publishTimeoutMs: 20_000 }, url)
    const seen: (number | undefined)[] = []
    await bus.subscribe('*', (event) => seen.push(event.position), { queueEvents: 10_000 })
    for (let bytes = 0; bytes < 400; bytes += 7) {
      proxy.cutAnswersAfter(bytes)
      const receipts = await bus.publishMany([info, info, info])
      expect(receipts.every((receipt) => !receipt.duplicate)).toBe(true)
    }
    proxy.mend()
    const expected = Math.ceil(400 / 7) * 3
    expect(await bus.count()).toBe(expected)
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(expected)
    expect(seen).toEqual(Array.from({ length: expected }, (_, i) => i + 1))
  })
})

describe('a PostgreSQL that accepts no writes', () => {
  test('because it is read-only: publishes say so, reads continue, and writes work again afterwards', async () => {
    const bus = await busOn(newSchema())
    await bus.publish({ ...info, id: 'before' })
    await server.query('alter system set default_transaction_read_only = on')
    await server.query('select pg_reload_conf()')
    const writableAgain = async () => {
      await server.query('alter system reset default_transaction_read_only')
      await server.query('select pg_reload_conf()')
    }
    onTestFinished(writableAgain)
    await expectRefused(() => bus.publish(info, { timeoutMs: 100 }), 'EVENTS_STORAGE_READ_ONLY')
    expect(await bus.get('before')).toBeDefined()
    expect(await bus.health()).toMatchObject({ status: 'down' })
    await writableAgain()
    await bus.publish({ ...info, id: 'after' }, { timeoutMs: 20_000 })
    await expect.poll(async () => (await bus.health()).status).toBe('ok')
  })

  test('because its disk is full: publishes say so, nothing is half stored, and writes work again when there is room', async () => {
    const schema = newSchema()
    const bus = await busOn(schema)
    // The server's own error for a full disk, without filling one: it is raised as if extending a table's file failed.
    await server.query(`
      create function ${schema}.full() returns trigger language plpgsql as
        $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
      create trigger full_disk before insert on ${schema}.events for each row execute function ${schema}.full();`)
    await expectRefused(() => bus.publishMany([info, info], { timeoutMs: 200 }), 'EVENTS_STORAGE_FULL')
    expect(await bus.count()).toBe(0)
    await server.query(`drop trigger full_disk on ${schema}.events`)
    const { position } = await bus.publish(info, { timeoutMs: 20_000 })
    expect(position).toBe(1)
  })
})

/** Retries: if the deadline passes during an attempt, the bus can only report an unknown outcome. */
async function expectRefused(publish: () => Promise<unknown>, code: string): Promise<void> {
  const answer = () =>
    publish().then(
      () => 'taken',
      (error: { code: string }) => error.code,
    )
  await expect.poll(answer, { timeout: 10_000 }).toBe(code)
}

describe('a clock that jumps', () => {
  test('forward and back by hours takes no lease away, and repeats or loses nothing', async () => {
    const schema = newSchema()
    let offsetMs = 0
    const now = () => Date.now() + offsetMs
    const storage = postgresStorage({ url: server.url, schema, now })
    const jumping = createEventBus({ storage, now, pollIntervalMs: 50 })
    await jumping.start()
    onTestFinished(async () => void (await jumping.stop({ timeoutMs: 500 })))
    const other = await busOn(schema)
    const seen: string[] = []
    const options = { durable: 'consumer', from: 'beginning', leaseMs: 600, checkpointMs: 20 } as const
    await jumping.subscribe('*', () => seen.push('jumping'), options)
    await expect.poll(() => jumping.subscriptions()[0]?.state).toBe('running')
    await other.subscribe('*', () => seen.push('other'), options)
    for (const hours of [5, -5, 24, 0]) {
      offsetMs = hours * 3_600_000
      await jumping.publish(info)
      await other.publish(info)
      await pause(300)
    }
    await expect.poll(() => seen.length).toBe(8)
    expect(seen).toEqual(Array.from({ length: 8 }, () => 'jumping'))
    const { events } = await other.list({ limit: 10, order: 'asc' })
    expect(events.map((event) => event.position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
})
