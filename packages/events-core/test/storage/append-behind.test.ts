import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { EventStorage } from '../../src/storage/storage.ts'
import { makeRecord } from '../../src/testing/record.ts'
import { PostgresSetup } from './postgres-setup.ts'
import { openStore, temporaryPath } from './sqlite-setup.ts'

const setup = await PostgresSetup.start({ fsync: 'off' })

/** Each store has a trigger that refuses events titled so. */
const REFUSED = 'refused'

async function sqlite(): Promise<EventStorage> {
  const path = temporaryPath()
  const storage = await openStore(path)
  const file = new Database(path)
  file.exec(`create trigger refuse before insert on events when new.title = '${REFUSED}'
    begin select raise(abort, 'refused by the test'); end`)
  file.close()
  return storage
}

async function postgres(): Promise<EventStorage> {
  const schema = setup.newSchema()
  const storage = await setup.openStore({ schema })
  const client = await setup.client()
  await client.query(`
    create function ${schema}.refuse() returns trigger language plpgsql as
      $$ begin raise exception 'refused by the test'; end $$;
    create trigger refuse before insert on ${schema}.events for each row
      when (new.title = '${REFUSED}') execute function ${schema}.refuse()`)
  return storage
}

describe.each([
  ['SQLite', sqlite],
  ['PostgreSQL', postgres],
] as const)('an append behind another, on %s', (_, open) => {
  test('is stored after it', async () => {
    const storage = await open()
    const answers = await Promise.all([
      storage.append([makeRecord(), makeRecord()]),
      storage.appendBehind?.([makeRecord()]),
      storage.appendBehind?.([makeRecord()]),
    ])
    const positions = answers.map((answer) => answer?.receipts.map(({ position }) => position))
    expect(positions).toEqual([[1, 2], [3], [4]])
  })

  test('is not stored when that fails, nor is one behind it; the next append is', async () => {
    const storage = await open()
    const answers = await Promise.allSettled([
      storage.append([makeRecord({ title: REFUSED })]),
      storage.appendBehind?.([makeRecord()]),
      storage.appendBehind?.([makeRecord()]),
      storage.append([makeRecord({ title: 'next' })]),
    ])
    expect(answers).toMatchObject([
      { status: 'rejected', reason: { code: 'EVENTS_STORAGE_FAILED' } },
      { status: 'rejected', reason: { code: 'EVENTS_STORAGE_LOCKED', retryable: true } },
      { status: 'rejected', reason: { code: 'EVENTS_STORAGE_LOCKED', retryable: true } },
      { status: 'fulfilled', value: { receipts: [{ position: 1 }] } },
    ])
    expect((await storage.list({ limit: 10 })).events).toMatchObject([{ title: 'next' }])
  })
})
