import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { EventFilter } from '../../../src/filter/filter.ts'
import { makeFailure } from '../../../src/testing/failure.ts'
import { park } from '../../../src/testing/holder.ts'
import { makeRecord, makeRecords } from '../../../src/testing/record.ts'
import { PostgresSetup } from './setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })
const { server } = setup

test('stores that open an empty database concurrently create its tables once', async () => {
  const schema = setup.newSchema()
  const stores = await Promise.all([1, 2, 3, 4].map(() => setup.openStore({ schema })))
  const heads = await Promise.all(stores.map((storage) => storage.head()))
  expect(new Set(heads.map(({ epoch }) => epoch)).size).toBe(1)
  const migrations = await server.query(`select name from ${schema}.kysely_migration order by name`)
  expect(migrations).toEqual([
    { name: '001-event-log' },
    { name: '002-subscriptions' },
    { name: '003-dead-letters' },
    { name: '004-kept-from' },
    { name: '005-missed' },
    { name: '006-claim' },
    { name: '007-more-counts' },
    { name: '008-counted-batches' },
    { name: '009-pinned-plans' },
    { name: '010-leases' },
    { name: '011-documents' },
    { name: '012-keyed-state' },
    { name: '013-recorded' },
    { name: '014-kept-from-by-type' },
    { name: '015-extensions' },
  ])
})

test('tables of a newer version are rejected', async () => {
  const schema = setup.newSchema()
  await (await setup.openStore({ schema })).close()
  await server.query(`insert into ${schema}.kysely_migration values ('999-future', now())`)
  const refusal = setup.store({ schema }).open()
  await expect(refusal).rejects.toHaveProperty('code', 'EVENTS_STORAGE_FAILED')
  await expect(refusal).rejects.toThrow("'999-future'")
})

test('everything else in the database, including another event store, is left unchanged', async () => {
  await server.query(
    'create table kysely_migration (name text, timestamp text); create table events (n integer)',
  )
  onTestFinished(() => void server.query('drop table kysely_migration, events'))
  const [first, second] = await Promise.all([1, 2].map(() => setup.openStore({ schema: setup.newSchema() })))
  await first?.append(makeRecords(3))
  expect(await second?.count()).toBe(0)
  expect(await server.query('select * from events')).toEqual([])
})

test.each(['Mixed Case', 'it\'s "quoted"', 'é😀', 'x; drop schema public', 'a.b', 'select', 'ä'.repeat(31)])(
  'a schema may be called %s',
  async (schema) => {
    const [storage, other] = await Promise.all([setup.openStore({ schema }), setup.openStore({ schema })])
    const wake = vi.fn()
    storage.watch(wake)
    // The store listens now.
    await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(1))
    await other.append([makeRecord({ id: 'a', tags: ['x'], data: { n: 1 } }), ...makeRecords(2)])
    await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(2))
    expect(await storage.count({ tags: ['x'], data: { n: 1 } })).toBe(1)
    expect(await storage.delete('a')).toBe(true)
    await storage.subscriptions.create('mail', 1, 0)
    await park(storage, makeFailure())
    await park(storage, makeFailure())
    expect(await storage.subscriptions.rename('mail', 'post')).toBe(true)
    expect((await storage.totals()).total).toBe(2)
  },
)

test('an append wakes other stores, not the store itself', async () => {
  const schema = setup.newSchema()
  const [storage, other] = await Promise.all([setup.openStore({ schema }), setup.openStore({ schema })])
  const own = vi.fn()
  const others = vi.fn()
  storage.watch(own)
  other.watch(others)
  await vi.waitFor(() => expect([own.mock.calls.length, others.mock.calls.length]).toEqual([1, 1]))
  await storage.append(makeRecords(5))
  await vi.waitFor(() => expect(others).toHaveBeenCalledTimes(2))
  expect(own).toHaveBeenCalledTimes(1)
})

test('a wake runs in the context of its watcher, and may throw', async () => {
  const schema = setup.newSchema()
  const [storage, other] = await Promise.all([setup.openStore({ schema }), setup.openStore({ schema })])
  const who = new AsyncLocalStorage<string>()
  const contexts: (string | undefined)[] = []
  const wake = () => {
    contexts.push(who.getStore())
    throw new Error('odd')
  }
  who.run('watcher', () => other.watch(wake))
  await vi.waitFor(() => expect(contexts).toHaveLength(1))
  await who.run('publisher', () => storage.append(makeRecords(1)))
  await vi.waitFor(() => expect(contexts).toEqual(['watcher', 'watcher']))
})

test('a watcher that was cut off is woken when it listens again, and by the next append', async () => {
  const schema = setup.newSchema()
  const applicationName = `listener of ${schema}`
  const storage = await setup.openStore({ schema, applicationName })
  const other = await setup.openStore({ schema })
  const wake = vi.fn()
  storage.watch(wake)
  await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(1))
  expect(await setup.terminate(applicationName)).toBeGreaterThan(0)
  await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(2), { timeout: 10_000 })
  await other.append(makeRecords(1))
  await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(3))
})

test('a watcher that stops is not woken, and its connection ends', async () => {
  const schema = setup.newSchema()
  const applicationName = `listener of ${schema}`
  const storage = setup.store({ schema, applicationName })
  await storage.open()
  const wake = vi.fn()
  const unwatch = storage.watch(wake)
  await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(1))
  unwatch()
  const listening = () =>
    server.query("select from pg_stat_activity where application_name = $1 and query like 'listen%'", [
      applicationName,
    ])
  await vi.waitFor(async () => expect(await listening()).toEqual([]))
})

test('a store counts as listening when a notification arrives, not because LISTEN succeeded', async () => {
  const schema = setup.newSchema()
  const direct = await setup.openStore({ schema })
  direct.watch(() => {})
  await expect.poll(() => direct.isListening?.()).toBe(true)
  // As behind a pooler without sessions: LISTEN succeeds, but no notification arrives.
  await server.query('create database elsewhere')
  const listenUrl = server.urlFor('elsewhere', 'p@ss:word/#?')
  const deaf = await setup.openStore({ schema, listenUrl })
  const wake = vi.fn()
  deaf.watch(wake)
  await vi.waitFor(() => expect(wake).toHaveBeenCalled())
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(deaf.isListening?.()).toBe(false)
})

test('the store works without a server to listen to', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema, listenUrl: 'postgres://app@127.0.0.1:1/app' })
  storage.watch(() => {})
  await storage.append(makeRecords(2))
  expect(await storage.count()).toBe(2)
})

test.each<[string, EventFilter]>([
  ['data', { data: { n: 7_777 } }],
  ['a tag', { tags: ['tag 7777'] }],
])('%s is found by an index', async (_, filter) => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  for (let batch = 0; batch < 10; batch++) {
    const numbers = Array.from({ length: 1_000 }, (_, index) => batch * 1_000 + index)
    await storage.append(numbers.map((n) => makeRecord({ data: { n }, tags: [`tag ${n}`] })))
  }
  await server.query(`analyze ${schema}.events`)
  expect((await storage.list({ filter, limit: 10 })).total).toBe(1)
  // The server publishes its scan statistics when the connections end.
  await storage.close()
  const scans = `
    select from pg_stat_all_indexes
    where schemaname = $1 and indexrelname = 'events_by_content' and idx_scan > 0`
  await vi.waitFor(async () => expect(await server.query(scans, [schema])).toHaveLength(1))
})

test('strings that PostgreSQL cannot store are returned unchanged, and are found', async () => {
  const storage = await setup.openStore({ schema: setup.newSchema() })
  const texts = ['\u0000', 'a\u0000b', '\ufdd0', '\ufdd00000', '\\u0000', '\ufdd0fdd0', '\u0000\ufdd0']
  const records = texts.map((text) =>
    makeRecord({ source: text, title: text, tags: [text], data: { [text]: [text, '\ud800', '\\ud800'] } }),
  )
  await storage.append(records)
  for (const { event } of records) {
    for (const filter of [{ sources: [event.source] }, { tags: event.tags }, { data: event.data }]) {
      const { events } = await storage.list({ filter, limit: 10 })
      expect(events).toMatchObject([{ id: event.id, title: event.title, tags: event.tags }])
      expect(JSON.stringify(events[0]?.data)).toBe(JSON.stringify(event.data))
    }
  }
})
