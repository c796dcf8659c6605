import { setImmediate } from 'node:timers/promises'
import type pg from 'pg'
import { expect, test } from 'vitest'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { makeRecord, makeRecords } from '../../../src/testing/record.ts'
import { appendBySql, appendStubbornly, PostgresSetup } from './setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })

/** Reads like a subscription until `done` returns true and all events are read. */
async function follow(storage: EventStorage, done: () => boolean): Promise<string[]> {
  const ids: string[] = []
  for (let after = 0; ; ) {
    const wasDone = done()
    const { events, position } = await storage.read({ after, limit: 100 })
    for (const event of events) expect(event.position).toBe(ids.push(event.id))
    after = position
    if (wasDone && events.length === 0) return ids
  }
}

test('does not skip events written by a slow transaction that began before a faster one', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  const slow = await setup.client()
  await slow.query('begin')
  await appendBySql(slow, schema, ['slow'])
  let isStored = false
  const fast = storage.append([makeRecord({ id: 'fast' })]).then(() => {
    isStored = true
  })
  for (let look = 0; look < 50; look++) {
    expect(await storage.read({ after: 0, limit: 10 })).toEqual({ events: [], position: 0, more: false })
  }
  expect(isStored).toBe(false)
  await slow.query('commit')
  await fast
  expect((await storage.list({ limit: 10, order: 'asc' })).events).toMatchObject([
    { id: 'slow', position: 1 },
    { id: 'fast', position: 2 },
  ])
})

test('a reader gets each event once, in order, while transactions commit and roll back in any order', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  const committed: string[] = []
  const writers = [await setup.client(), await setup.client(), await setup.client()]
  let running = writers.length
  const followed = follow(storage, () => running === 0)
  await Promise.all(
    writers.map(async (client, writer) => {
      for (let round = 0; round < 150; round++) {
        const ids = Array.from({ length: 1 + (round % 3) }, (_, index) => `${writer} ${round} ${index}`)
        if (await appendSlowly(client, schema, ids)) committed.push(...ids)
      }
      running--
    }),
  )
  const ids = await followed
  expect(ids.toSorted()).toEqual(committed.toSorted())
  expect((await storage.totals()).total).toBe(ids.length)
})

/** Returns whether it committed. */
async function appendSlowly(client: pg.Client, schema: string, ids: readonly string[]): Promise<boolean> {
  const linger = async () => {
    for (let turns = Math.floor(Math.random() * 20); turns > 0; turns--) await setImmediate()
  }
  const commits = Math.random() < 0.8
  await client.query('begin')
  await linger()
  await appendBySql(client, schema, ids)
  await linger()
  await client.query(commits ? 'commit' : 'rollback')
  return commits
}

test('stores that append the same events concurrently store each once', async () => {
  const schema = setup.newSchema()
  const stores = await Promise.all([1, 2, 3].map(() => setup.openStore({ schema })))
  const batches = Array.from({ length: 40 }, (_, batch) =>
    Array.from({ length: 5 }, (_, index) => makeRecord({ id: `${batch % 20} ${index}` })),
  )
  const answers = await Promise.all(
    stores.flatMap((storage) => batches.map((batch) => storage.append(batch))),
  )
  const receipts = answers.flatMap((answer) => answer.receipts)
  expect(receipts.filter(({ duplicate }) => !duplicate)).toHaveLength(100)
  const first = stores[0]
  expect(await first?.head()).toMatchObject({ position: 100 })
  expect((await first?.totals())?.total).toBe(100)
})

test('a database with serialisable transactions loses nothing either', async () => {
  const schema = setup.newSchema()
  const url = `${setup.server.url}?options=${encodeURIComponent('-c default_transaction_isolation=serializable')}`
  const stores = await Promise.all([1, 2].map(() => setup.openStore({ schema, url })))
  const appends = stores.flatMap((storage) =>
    Array.from({ length: 30 }, () => appendStubbornly(storage, makeRecords(3))),
  )
  await Promise.all(appends)
  const [storage] = stores
  expect(await storage?.head()).toMatchObject({ position: 180 })
  expect((await storage?.totals())?.total).toBe(180)
})

test('neither a rolled-back append nor an idle transaction elsewhere holds up readers', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  const idle = await setup.client()
  await idle.query(
    'create table if not exists elsewhere (n integer); begin; insert into elsewhere values (1)',
  )
  const other = await setup.client()
  await other.query('begin')
  await appendBySql(other, schema, ['never'])
  await other.query('rollback')
  await storage.append([makeRecord({ id: 'a' })])
  expect(await storage.read({ after: 0, limit: 10 })).toMatchObject({
    events: [{ id: 'a', position: 1 }],
    position: 1,
  })
  await idle.query('rollback')
})

test('while one store deletes, another appends, and counts stay exact', async () => {
  const schema = setup.newSchema()
  const [first, second] = await Promise.all([setup.openStore({ schema }), setup.openStore({ schema })])
  await first.append(makeRecords(3_000, { type: 'old' }))
  const removed = first.deleteMatching({ types: ['old'] })
  for (let batch = 0; batch < 20; batch++) await second.append(makeRecords(10, { type: 'new' }))
  expect(await removed).toBe(3_000)
  expect(await second.totals()).toMatchObject({ total: 200, byType: { new: 200 } })
  expect((await second.list({ limit: 1_000 })).events).toHaveLength(200)
})
