import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { makeRecords } from '../../src/testing/record.ts'
import { PostgresSetup } from './postgres-setup.ts'
import { openStore, temporaryPath } from './sqlite-setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })

/** Takes a store back to what it was before anybody noted where the kept log begins. */
const FORGET_KEPT_FROM = [
  'alter table log_head drop column kept_from',
  'alter table subscription_partitions drop column missed_from',
  'alter table subscription_partitions drop column missed_to',
  'alter table subscription_partitions drop column claim',
  "delete from kysely_migration where name >= '004'",
]

describe('a store that did not note yet where its kept log begins', () => {
  test('on SQLite it begins with the first event that is there, and with the next one when there is none', async () => {
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

  test('so it is on PostgreSQL', async () => {
    const schema = setup.newSchema()
    const storage = await setup.openStore({ schema })
    await storage.append(makeRecords(10))
    await storage.trim({ maxEvents: 4 })
    await storage.close()
    await setup.server.query([`set search_path to ${schema}`, ...FORGET_KEPT_FROM].join(';'))
    await storage.open()
    expect(await storage.head()).toMatchObject({ position: 10, keptFrom: 7 })
    expect((await storage.append(makeRecords(1))).receipts[0]?.position).toBe(11)
  })
})

function forgetOnSqlite(path: string): void {
  const file = new Database(path)
  for (const statement of FORGET_KEPT_FROM) file.exec(statement)
  file.close()
}
