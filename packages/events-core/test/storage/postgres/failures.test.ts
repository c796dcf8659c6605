import { connect, createServer, type Socket } from 'node:net'
import pg from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { Connections } from '../../../src/storage/postgres/connections.ts'
import { ConnectionLost } from '../../../src/storage/postgres/errors.ts'
import { beginTransaction, timeLimits } from '../../../src/storage/postgres/transaction-settings.ts'
import { holderOf } from '../../../src/testing/holder.ts'
import { makeRecord, makeRecords } from '../../../src/testing/record.ts'
import { appendStubbornly, PostgresSetup } from './setup.ts'

// With fsync, as in production: some tests are about events that survive.
const setup = await PostgresSetup.start()
const { server } = setup

test.each<[string, string, string]>([
  ['a wrong password', 'rejects this user', server.urlFor('postgres', 'wrong-secret')],
  ['a database that is not there', 'create the database', server.urlFor('nowhere', 'p@ss:word/#?')],
  ['a port where nobody listens', 'cannot be reached', 'postgres://app:wrong-secret@127.0.0.1:1/app'],
  ['a host that is not there', 'cannot be reached', 'postgres://app:wrong-secret@nowhere.invalid/app'],
])('%s is reported without the password', async (_, says, url) => {
  const refusal = setup.store({ url }).open()
  await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_STORAGE_UNAVAILABLE')
  await expect(refusal).rejects.toThrow(says)
  await expect(refusal).rejects.not.toThrow(/wrong-secret|p@ss|outcome/)
})

test('a pooler that refuses a connection has stored nothing, and the error says so', async () => {
  const fields = 'SFATAL\0C08P01\0Mserver login failed\0\0'
  const answer = Buffer.from(`E....${fields}`)
  answer.writeInt32BE(4 + fields.length, 1)
  const pooler = createServer((socket) => socket.once('data', () => socket.end(answer))).listen(
    0,
    '127.0.0.1',
  )
  onTestFinished(() => void pooler.close())
  await new Promise((resolve) => pooler.once('listening', resolve))
  const address = pooler.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const refusal = setup.store({ url: `postgres://app@127.0.0.1:${port}/app` }).open()
  await expect(refusal).rejects.toThrow(/cannot be reached.*server login failed/)
  await expect(refusal).rejects.not.toThrow('outcome')
})

test('a server that was down while idle has stored nothing, and the error says so', async () => {
  const storage = await setup.openStore({ schema: setup.newSchema() })
  await storage.append([makeRecord({ id: 'a' })])
  await server.end('SIGINT')
  onTestFinished(() => server.startAgain())
  // The first call may find its idle connection broken, if that was not detected before.
  await storage.append([makeRecord({ id: 'b' })]).catch(() => {})
  const refusal = storage.append([makeRecord({ id: 'b' })])
  await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_STORAGE_UNAVAILABLE')
  await expect(refusal).rejects.not.toThrow(/outcome/)
})

test('a process that freezes within a transaction holds up a take-over for no longer than a lock is waited for', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  await storage.leases.acquire('work', 'frozen')
  const frozen = new pg.Client(server.url)
  frozen.on('error', () => {})
  await frozen.connect()
  await frozen.query(beginTransaction(timeLimits(30_000)))
  await frozen.query(`select from ${schema}.leases where name = 'work' for update`)
  const held = await storage.leases.acquire('work', 'heir')
  if (held.acquired) expect.unreachable('the lease is held')
  expect(await storage.leases.acquire('work', 'heir', held.sign)).toMatchObject({ acquired: true })
})

test('acknowledged events survive a server crash, and the store recovers', async () => {
  const storage = await setup.openStore({ schema: setup.newSchema() })
  const acknowledged: string[] = []
  let running = true
  onTestFinished(() => {
    running = false
  })
  const appending = (async () => {
    while (running) {
      const records = makeRecords(5)
      await appendStubbornly(storage, records)
      acknowledged.push(...records.map(({ event }) => event.id))
    }
  })()
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(50), { timeout: 10_000 })
  await server.end('SIGKILL')
  await server.startAgain()
  const before = acknowledged.length
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before), { timeout: 10_000 })
  running = false
  await appending
  await expectExactly(storage, acknowledged)
})

test('connections that end under load lose nothing and store nothing twice', async () => {
  const schema = setup.newSchema()
  const applicationName = `load of ${schema}`
  const storage = await setup.openStore({ schema, applicationName })
  const batches = Array.from({ length: 50 }, () => makeRecords(4))
  let stored = 0
  let running = true
  // A closed store rejects at once, so a loop that outlives a failed test would block the event loop.
  onTestFinished(() => {
    running = false
  })
  const killing = (async () => {
    while (running) {
      const before = stored
      await setup.terminate(applicationName)
      // On a busy machine connecting takes longer than the next cut: then nothing would ever be stored.
      while (running && stored === before) await new Promise((resolve) => setTimeout(resolve, 1))
    }
  })()
  const reading = (async () => {
    while (running) await storage.list({ limit: 10 }).catch(() => {})
  })()
  for (const batch of batches) {
    await appendStubbornly(storage, batch)
    stored++
  }
  running = false
  await Promise.all([killing, reading])
  await vi.waitFor(() => expect(storage.head()).resolves.toMatchObject({ position: 200 }))
  await expectExactly(
    storage,
    batches.flat().map(({ event }) => event.id),
  )
})

test('a connection that ends between two statements of a transaction fails only that transaction', async () => {
  const name = 'between two statements'
  const connection = { connectionString: server.url, application_name: name }
  const connections = new Connections({ connection, size: 1, statementTimeoutMs: 1_000 })
  onTestFinished(() => connections.end())
  const first = await connections.take()
  await first.begin({})
  expect(await setup.terminate(name)).toBe(1)
  // By the time another connection is open, the notification has arrived, and no query is pending.
  await server.query('select 1')
  await expect(first.executeQuery({ sql: 'select 1', parameters: [] })).rejects.toThrow(ConnectionLost)
  connections.giveBack(first)
  const second = await connections.take()
  expect(await second.executeQuery({ sql: 'select 1 as one', parameters: [] })).toMatchObject({
    rows: [{ one: 1 }],
  })
  connections.giveBack(second)
})

test('idle connections that the server ends are replaced', async () => {
  const schema = setup.newSchema()
  const applicationName = `idle of ${schema}`
  const storage = await setup.openStore({ schema, applicationName })
  await Promise.all([storage.append(makeRecords(1)), storage.count(), storage.count()])
  expect(await setup.terminate(applicationName)).toBeGreaterThan(1)
  await appendStubbornly(storage, makeRecords(1))
  await vi.waitFor(() => expect(storage.count()).resolves.toBe(2))
})

test('an append held up by another transaction fails with EVENTS_STORAGE_LOCKED and stores nothing', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema, statementTimeoutMs: 1_000 })
  const { lease } = await holderOf(storage)
  const holder = await setup.client()
  await holder.query(`begin; select * from ${schema}.log_head for update`)
  const held = await Promise.allSettled([
    storage.append([makeRecord()]),
    storage.delete('a'),
    storage.commit(lease, { append: [makeRecord()] }),
  ])
  for (const outcome of held) expect(outcome).toMatchObject({ reason: { code: 'EVENTS_STORAGE_LOCKED' } })
  await holder.query('commit')
  expect((await storage.append([makeRecord()])).receipts).toEqual([{ position: 1, duplicate: false }])
})

test('a statement that takes too long is reported as such, not as a lock', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema, statementTimeoutMs: 200 })
  await server.query(`
    create function ${schema}.be_slow() returns trigger language plpgsql as
      $$ begin perform pg_sleep(20); return new; end $$;
    create trigger slow before insert on ${schema}.events for each row execute function ${schema}.be_slow();`)
  const refusal = storage.append([makeRecord()])
  await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_STORAGE_UNAVAILABLE')
  await expect(refusal).rejects.toThrow(/ended a statement.*statement timeout/)
  await server.query(`drop trigger slow on ${schema}.events`)
  expect((await storage.append([makeRecord()])).receipts).toEqual([{ position: 1, duplicate: false }])
})

test('a table lock holds up reads and appends for seconds at most, and their errors say so', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  const holder = await setup.client()
  await holder.query(`begin; lock table ${schema}.events`)
  const held = await Promise.allSettled([storage.append([makeRecord()]), storage.list({ limit: 1 })])
  for (const outcome of held) {
    expect(outcome).toMatchObject({
      reason: { code: 'EVENTS_STORAGE_LOCKED', message: expect.stringContaining('pg_stat_activity') },
    })
  }
})

test('a missing table or schema is reported with what to do', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  await server.query(`drop table ${schema}.tag_counts`)
  await expectIncomplete(storage.append([makeRecord()]))
  await server.query(`drop schema ${schema} cascade`)
  await expectIncomplete(storage.list({ limit: 1 }))
  await expectIncomplete(storage.append([makeRecord()]))
})

test('a head that is behind the events is reported, and nothing is stored over them', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  await storage.append(makeRecords(3))
  await server.query(`update ${schema}.log_head set position = 1`)
  await expect(storage.append([makeRecord({ id: 'late' })])).rejects.toHaveProperty(
    'code',
    'EVENTS_STORAGE_CORRUPT',
  )
  expect(await storage.get('late')).toBeUndefined()
  expect(await storage.count()).toBe(3)
})

test('a database that accepts no writes can be read', async () => {
  const schema = setup.newSchema()
  await (await setup.openStore({ schema })).append(makeRecords(3))
  const url = `${server.url}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`
  const storage = await setup.openStore({ schema, url })
  expect((await storage.list({ limit: 10 })).total).toBe(3)
  expect(await storage.read({ after: 0, limit: 10 })).toMatchObject({ position: 3 })
  await expect(storage.append(makeRecords(1))).rejects.toHaveProperty('code', 'EVENTS_STORAGE_READ_ONLY')
})

test('an error says that the user may not create the schema', async () => {
  await server.query("create role guest login password 'guest-secret'")
  const url = `postgres://guest:guest-secret@127.0.0.1:${server.port}/postgres`
  const refusal = setup.store({ url, schema: setup.newSchema() }).open()
  await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_STORAGE_FAILED')
  await expect(refusal).rejects.toThrow('denies this user a permission')
})

test('a store whose server hangs can be closed, and settles every call', async () => {
  const network = await startNetwork()
  const storage = await setup.openStore({ schema: setup.newSchema(), url: network.url })
  await storage.append(makeRecords(1))
  network.hang()
  const outcomes = Promise.allSettled([
    storage.append(makeRecords(1)),
    storage.append(makeRecords(1)),
    storage.count(),
    ...Array.from({ length: 10 }, () => storage.head()),
  ])
  await storage.close()
  for (const outcome of await outcomes) {
    expect(outcome).toHaveProperty(
      'reason.code',
      expect.stringMatching(/^EVENTS_(STORAGE_UNAVAILABLE|NOT_RUNNING)$/),
    )
  }
})

async function expectIncomplete(call: Promise<unknown>): Promise<void> {
  await expect(call).rejects.toHaveProperty('code', 'EVENTS_STORAGE_CORRUPT')
  await expect(call).rejects.toThrow('lacks a table')
}

/** Expects that all events are stored once, at positions without holes. */
async function expectExactly(storage: EventStorage, ids: readonly string[]): Promise<void> {
  const { events, total } = await storage.list({ limit: 10_000, order: 'asc' })
  expect(events.map(({ id }) => id)).toEqual(ids)
  expect(events.map(({ position }) => position)).toEqual(ids.map((_, index) => index + 1))
  expect(total).toBe(ids.length)
}

/** Starts a proxy to the server that can stop forwarding without closing connections. */
async function startNetwork(): Promise<{ readonly url: string; hang(): void }> {
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(server.port, '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
    near.pipe(far).pipe(near)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => proxy.once('listening', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const address = proxy.address()
  const url = new URL(server.url)
  url.port = String(typeof address === 'object' ? address?.port : '')
  const hang = () => {
    for (const socket of sockets) socket.unpipe().pause()
    proxy.removeAllListeners('connection')
  }
  return { url: url.href, hang }
}
