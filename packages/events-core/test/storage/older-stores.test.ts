import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { EventStorage } from '../../src/storage/contract/storage.ts'
import { makeRecord, makeRecords } from '../../src/testing/record.ts'
import { PostgresSetup } from './postgres/setup.ts'
import { openStore, temporaryPath } from './sqlite/setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })

/** Turns a store back into one from before kept-from was recorded and tags were counted. */
const FORGET_NEWER = [
  'alter table events drop column extensions',
  'alter table log_head drop column recorded',
  ...['leases', 'documents', 'document_head', 'subscription_states', 'abandoned_states'].map(
    (table) => `drop table ${table}`,
  ),
  'drop index subscription_partitions_by_state',
  ...['state_id', 'state_keys', 'state_bytes'].map(
    (column) => `alter table subscription_partitions drop column ${column}`,
  ),
  ...['token', 'beat'].map(
    (column) => `alter table subscription_partitions add column ${column} integer not null default 0`,
  ),
  'alter table subscription_partitions add column owner text',
  'drop table kept_from',
  'alter table subscription_partitions drop column missed_from',
  'alter table subscription_partitions drop column missed_to',
  'drop table tag_counts',
  'drop table hour_counts',
  "delete from kysely_migration where name >= '004'",
]

describe('a store from before kept-from was recorded', () => {
  test('begins with its first event on SQLite, or with the next one if it is empty', async () => {
    const path = temporaryPath()
    const storage = await openStore(path)
    await storage.append(makeRecords(10))
    await storage.trim({ maxEvents: 4 })
    await storage.close()
    forgetOnSqlite(path)
    await storage.open()
    expect((await storage.head()).keptFrom).toBe(7)
    await storage.clear()
    await storage.close()
    forgetOnSqlite(path)
    await storage.open()
    expect(await storage.head()).toMatchObject({ position: 10, keptFrom: 11 })
  })

  test('does the same on PostgreSQL', async () => {
    const schema = setup.newSchema()
    const storage = await setup.openStore({ schema })
    await storage.append(makeRecords(10))
    await storage.trim({ maxEvents: 4 })
    await storage.close()
    await setup.server.query([`set search_path to ${schema}`, ...FORGET_NEWER].join(';'))
    await storage.open()
    expect(await storage.head()).toMatchObject({ position: 10, keptFrom: 7 })
    expect((await storage.append(makeRecords(1))).receipts[0]?.position).toBe(11)
  })
})

describe('a store from before tags were counted', () => {
  test('has its tags counted on SQLite and PostgreSQL, and keeps counting', async () => {
    const path = temporaryPath()
    const onSqlite = await openStore(path)
    await appendTagged(onSqlite)
    await onSqlite.close()
    forgetOnSqlite(path)
    await expectTagged(onSqlite)
    const schema = setup.newSchema()
    const onPostgres = await setup.openStore({ schema })
    await appendTagged(onPostgres)
    await onPostgres.close()
    await setup.server.query([`set search_path to ${schema}`, ...FORGET_NEWER].join(';'))
    await expectTagged(onPostgres)
  })
})

test('an append function from before tags were counted is dropped from PostgreSQL: it would not count them', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  await storage.close()
  const older = [
    `set search_path to ${schema}`,
    ...FORGET_NEWER,
    `create function append_events(
      ids text[], types text[], sources text[], targets text[], priorities integer[], timestamps bigint[],
      expiries bigint[], ttls bigint[], correlation_ids text[], causation_ids text[], traceparents text[],
      titles text[], messages text[], tag_lists text[], data_objects text[],
      now_ms bigint, lock_timeout_ms integer, origin text
    ) returns bigint[] language sql as 'select null::bigint[]'`,
  ]
  await setup.server.query(older.join(';'))
  await storage.open()
  const functions = `
    select pronargs::integer from pg_proc
    where proname = 'append_events' and pronamespace = $1::regnamespace and pronargs = 18`
  expect(await setup.server.query(functions, [schema])).toEqual([])
  await appendTagged(storage)
  await storage.close()
  await expectTagged(storage)
})

test('functions that did not pin their plan settings are created again', async () => {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  await storage.close()
  const older = [
    `set search_path to ${schema}`,
    'alter function append_events reset jit',
    'alter function subtract_counts reset jit',
    ...FORGET_NEWER,
  ]
  await setup.server.query(older.join(';'))
  await storage.open()
  const pinned = `
    select from pg_proc where pronamespace = $1::regnamespace and 'jit=off' = any(proconfig)`
  expect(await setup.server.query(pinned, [schema])).toHaveLength(2)
})

async function appendTagged(storage: EventStorage): Promise<void> {
  await storage.append([makeRecord({ id: 'a', tags: ['x', 'y', 'x'] }), makeRecord({ tags: ['x'] })])
}

async function expectTagged(storage: EventStorage): Promise<void> {
  await storage.open()
  const counts = () => Promise.all(['x', 'y', 'z'].map((tag) => storage.count({ tags: [tag] })))
  expect(await counts()).toEqual([2, 1, 0])
  await storage.append([makeRecord({ tags: ['z', 'x'] })])
  await storage.delete('a')
  expect(await counts()).toEqual([2, 0, 1])
}

function forgetOnSqlite(path: string): void {
  const file = new Database(path)
  for (const statement of FORGET_NEWER) file.exec(statement)
  file.close()
}
