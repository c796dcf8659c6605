import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseTimestamp } from '../../src/event/timestamp.ts'
import { partitionLease } from '../../src/storage/contract/partition-lease.ts'
import type { EventStorage } from '../../src/storage/contract/storage.ts'
import { postgresStorage } from '../../src/storage/postgres/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { makeRecord } from '../../src/testing/record.ts'
import { PostgresSetup } from './postgres/setup.ts'
import { temporaryPath } from './sqlite/setup.ts'

/*
 * The stores in older/ were written by children/write-older-stores.ts, which says what is in them, with the code of the
 * last version that kept leases in the rows of subscriptions. For PostgreSQL, they contain the queries of that version.
 */
const setup = await PostgresSetup.start({ fsync: 'off' })
const SCHEMA = 'older_store'

/** Before the latest time at which an event of the store was recorded, and after the time of the last one. */
const NOW = '2029-12-31T23:59:40Z'
const LATEST = '2030-01-01T00:00:00.000Z'

const stores: readonly (readonly [string, () => Promise<EventStorage>])[] = [
  [
    'SQLite',
    async () => {
      const path = temporaryPath()
      writeFileSync(path, olderStore('sqlite.db.gz'))
      return await opened(sqliteStorage({ path, now }))
    },
  ],
  [
    'PostgreSQL',
    async () => {
      await askAll(olderStore('postgres.jsonl.gz').toString())
      onTestFinished(async () => {
        await setup.server.query(`drop schema ${SCHEMA} cascade`)
      })
      return await opened(postgresStorage({ url: setup.server.url, schema: SCHEMA, now }))
    },
  ],
]

describe.each(stores)('a store of the previous version, on %s', (_, open) => {
  test('keeps its events and continues their positions', async () => {
    const storage = await open()
    expect(await storage.head()).toMatchObject({ position: 23, keptFrom: 16 })
    const { events, total } = await storage.list({ order: 'asc', limit: 100 })
    expect(events.map(({ id }) => id)).toEqual([
      ...[15, 16, 17, 18, 19].map((n) => `old ${n}`),
      'a',
      'b',
      'c',
    ])
    expect(total).toBe(8)
    expect(events.at(-3)).toMatchObject({
      title: 'nul \0 and mark \ufdd0',
      data: { half: '\ud800' },
      tags: ['x', 'y', 'x'],
    })
    const { receipts } = await storage.append([makeRecord({ id: 'a' }), makeRecord()])
    expect(receipts).toEqual([
      { position: 21, duplicate: true },
      { position: 24, duplicate: false },
    ])
  })

  test('records no event earlier than its latest one', async () => {
    const storage = await open()
    expect((await storage.append([makeRecord({ id: 'new' })])).recordedAt).toBe(LATEST)
    expect((await storage.get('new'))?.recorded_at).toBe(LATEST)
  })

  test('keeps its subscriptions, dead letters and held leases', async () => {
    const storage = await open()
    const [index, ...mail] = await storage.subscriptions.list()
    expect(index).toMatchObject({ name: 'index', position: 0, paused: false, missed: null, owner: null })
    const common = { name: 'mail', partitions: 3, paused: true }
    const missed = { from: 1, to: 15 }
    expect(mail).toMatchObject([
      { ...common, partition: 0, position: 20, missed, owner: 'process 0', claim: null },
      { ...common, partition: 1, position: 21, missed, owner: 'process 1', claim: 'process 2' },
      { ...common, partition: 2, position: 4, missed: null, owner: null, claim: null },
    ])
    const answer = await storage.leases.acquire(partitionLease({ name: 'mail', partition: 0 }), 'new')
    if (answer.acquired) throw new Error('the lease was held')
    const lease = { name: partitionLease({ name: 'mail', partition: 0 }), token: answer.sign.token }
    const checkpoint = { name: 'mail', partition: 0, position: 22 }
    expect(await storage.commit(lease, { checkpoint })).toMatchObject({ committed: true, paused: true })
    expect((await storage.deadLetters.list({ limit: 10 })).deadLetters).toMatchObject([
      { subscription: 'mail', event: { id: 'a' }, error: 'refused', attempts: 3 },
    ])
  })

  test('can store documents, and the states of each partition', async () => {
    const storage = await open()
    expect(await storage.documents.put('rules', 'first', { on: true })).toEqual({ written: true, version: 1 })
    for (const partition of [0, 2]) {
      const name = partitionLease({ name: 'mail', partition })
      await storage.subscriptions.reset('mail', 0)
      const answer = await storage.leases.acquire(name, 'new')
      if (!answer.acquired) throw new Error('the lease is free')
      const put = [{ key: 'k', value: `${partition}`, dueMs: null, touched: 1 }]
      const state = { name: 'mail', partition, put, delete: [] }
      await storage.commit({ name, token: answer.lease.token }, { state })
      expect(await storage.state.read({ name: 'mail', partition }, ['k'])).toEqual(put)
      expect(await storage.state.size({ name: 'mail', partition: 1 })).toEqual({ keys: 0, bytes: 0 })
    }
  })
})

function now(): number {
  return parseTimestamp(NOW) ?? 0
}

async function opened(storage: EventStorage): Promise<EventStorage> {
  onTestFinished(() => storage.close())
  await storage.open()
  return storage
}

function olderStore(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`older/${name}`, import.meta.url)))
}

/** Runs the recorded queries of the earlier version on this server. */
async function askAll(lines: string): Promise<void> {
  const client = new pg.Client({ connectionString: setup.server.url })
  await client.connect()
  try {
    for (const line of lines.trim().split('\n')) {
      const [statement, values] = JSON.parse(line)
      await client.query(statement, values)
    }
  } finally {
    await client.end()
  }
}
