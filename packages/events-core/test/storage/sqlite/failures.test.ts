import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { listAll } from '../../../src/testing/reading.ts'
import { makeRecord, makeRecords } from '../../../src/testing/record.ts'
import { Child, failureOf, openStore, temporaryDirectory, temporaryPath } from './setup.ts'

async function failureToOpen(path: string): Promise<{ code: string; message: string }> {
  const failure = await failureOf(sqliteStorage({ path }).open())
  expect(failure.message).toContain(path)
  return failure
}

/** Creates a store with an event and closes it. */
async function writtenStore(path: string): Promise<EventStorage> {
  const storage = await openStore(path)
  await storage.append([makeRecord({ id: 'a' })])
  await storage.close()
  return storage
}

describe('anything but an event store is rejected and left unchanged', () => {
  test('a file that is not a database', async () => {
    const path = temporaryPath()
    writeFileSync(path, 'Dear diary, today I was mistaken for a database. '.repeat(100))
    const before = readFileSync(path)
    expect((await failureToOpen(path)).code).toBe('EVENTS_STORAGE_CORRUPT')
    expect(readFileSync(path)).toEqual(before)
  })

  test("another program's database", async () => {
    const path = temporaryPath()
    new Database(path).exec('create table recipes (name text)').close()
    const before = readFileSync(path)
    expect((await failureToOpen(path)).code).toBe('EVENTS_STORAGE_CORRUPT')
    expect(readFileSync(path)).toEqual(before)
  })

  test('a store of a newer version', async () => {
    const path = temporaryPath()
    await writtenStore(path)
    new Database(path).exec("insert into kysely_migration values ('999-future', '2040-01-01')").close()
    const failure = await failureToOpen(path)
    expect(failure.code).toBe('EVENTS_STORAGE_FAILED')
    expect(failure.message).toMatch(/newer version.*999-future/)
  })

  test('a directory', async () => {
    expect((await failureToOpen(temporaryDirectory())).code).toBe('EVENTS_STORAGE_UNAVAILABLE')
  })

  test('a path below a file', async () => {
    const path = join(temporaryPath(), 'events.db')
    writeFileSync(join(path, '..'), '')
    expect((await failureToOpen(path)).code).toBe('EVENTS_STORAGE_UNAVAILABLE')
  })
})

describe('a temporarily unusable store', () => {
  test('finally opens when the obstacle is gone', async () => {
    const directory = temporaryDirectory()
    const path = join(directory, 'data', 'events.db')
    writeFileSync(join(directory, 'data'), '')
    const storage = sqliteStorage({ path })
    expect((await failureOf(storage.open())).code).toBe('EVENTS_STORAGE_UNAVAILABLE')
    expect((await failureOf(storage.head())).code).toBe('EVENTS_NOT_RUNNING')
    renameSync(join(directory, 'data'), join(directory, 'was in the way'))
    await storage.open()
    expect((await storage.head()).position).toBe(0)
    await storage.close()
  })

  test('accepts no events while locked by another process, can be read, and works again afterwards', async () => {
    const path = temporaryPath()
    const storage = await openStore(path, { busyTimeoutMs: 50 })
    await storage.append([makeRecord({ id: 'before' })])
    const holder = new Child('hold-lock', path)
    await holder.said(1)
    const failure = await failureOf(storage.append([makeRecord({ id: 'refused' })]))
    expect(failure.code).toBe('EVENTS_STORAGE_LOCKED')
    expect(failure.message).toContain(path)
    expect((await failureOf(storage.clear())).code).toBe('EVENTS_STORAGE_LOCKED')
    expect(await storage.count()).toBe(1)
    expect(await (await openStore(path)).count()).toBe(1)
    holder.say('release')
    expect(await holder.ended()).toBe(0)
    const { receipts } = await storage.append([makeRecord({ id: 'after' })])
    expect(receipts).toEqual([{ position: 2, duplicate: false }])
  })

  test('can be opened and read if it accepts no writes', async () => {
    const path = temporaryPath()
    await writtenStore(path)
    markReadOnly(path)
    const storage = await openStore(path)
    expect((await failureOf(storage.append([makeRecord()]))).code).toBe('EVENTS_STORAGE_READ_ONLY')
    expect((await failureOf(storage.delete('a'))).code).toBe('EVENTS_STORAGE_READ_ONLY')
    expect((await storage.get('a'))?.id).toBe('a')
    expect(await storage.count()).toBe(1)
  })

  test('stores nothing of a batch when full, and accepts events again when there is room', async () => {
    const storage = await openStore(temporaryPath(), { maxBytes: 1024 * 1024 })
    const { stored, failure } = await appendUntilFailure(storage)
    expect(failure.code).toBe('EVENTS_STORAGE_FULL')
    expect(await storage.count()).toBe(stored)
    expect((await storage.totals()).total).toBe(stored)
    expect((await storage.head()).position).toBe(stored)
    expect(await storage.trim({ maxEvents: 10 })).toBe(stored - 10)
    const { receipts } = await storage.append(makeRecords(50))
    expect(receipts[0]?.position).toBe(stored + 1)
  })

  test('acknowledges nothing that would be lost if its file was removed or replaced', async () => {
    const path = temporaryPath()
    const storage = await openStore(path)
    await storage.append([makeRecord({ id: 'a' })])
    renameSync(path, `${path}.moved`)
    const removed = await failureOf(storage.append([makeRecord({ id: 'b' })]))
    expect(removed.code).toBe('EVENTS_STORAGE_UNAVAILABLE')
    expect(removed.message).toMatch(/removed/)
    expect((await failureOf(storage.head())).message).toMatch(/removed/)
    copyFileSync(`${path}.moved`, path)
    expect((await failureOf(storage.append([makeRecord({ id: 'b' })]))).message).toMatch(/replaced/)
    expect((await failureOf(storage.count())).message).toMatch(/replaced/)
    renameSync(`${path}.moved`, path)
    expect(await storage.count()).toBe(1)
    expect((await storage.append([makeRecord({ id: 'b' })])).receipts[0]?.position).toBe(2)
  })
})

describe('damage', () => {
  test('an unreadable row shows what it has, does not end a page, and can be deleted', async () => {
    const path = temporaryPath()
    const storage = await openStore(path)
    await storage.append(['a', 'b', 'c'].map((id) => makeRecord({ id, tags: ['x'], data: { id } })))
    spoil(path, `update events set data = '{"id":' where id = 'b'`)
    spoil(path, `update events set tags = 'x' where id = 'c'`)
    const events = await listAll(storage)
    expect(events.map((event) => event.data)).toEqual([
      { id: 'a' },
      { unreadable: { data: '{"id":', tags: '["x"]' } },
      { unreadable: { data: '{"id":"c"}', tags: 'x' } },
    ])
    expect((await storage.read({ after: 0, limit: 10 })).events).toHaveLength(3)
    expect(await storage.count({ data: { id: 'a' } })).toBe(1)
    expect(await storage.delete('b')).toBe(true)
    expect(await storage.deleteMatching({ tags: ['x'] })).toBe(2)
    expect((await storage.totals()).total).toBe(0)
    expect(rowsOf(path, 'event_tags')).toBe(0)
  })

  test('a row that could not be read again cannot be written by hand either', async () => {
    const path = temporaryPath()
    await writtenStore(path)
    const file = new Database(path)
    expect(() => file.exec(`update events set data = '{'`)).toThrow()
    expect(() => file.exec(`update events set data = '[]'`)).toThrow()
    expect(() => file.exec(`update events set timestamp = 'yesterday'`)).toThrow()
    file.close()
  })

  test('damaged pages are reported as such', async () => {
    const path = temporaryPath()
    const storage = await openStore(path)
    await storage.append(makeRecords(5_000))
    await storage.close()
    const bytes = readFileSync(path)
    // Everything except the first pages, which contain the schema.
    bytes.fill(0x5a, bytes.length / 2)
    writeFileSync(path, bytes)
    await storage.open()
    const failure = await failureOf(storage.list({ limit: 10_000, order: 'asc' }))
    expect(failure.code).toBe('EVENTS_STORAGE_CORRUPT')
    expect(failure.message).toContain(path)
  })
})

/** Makes the file read-only even for root, by a write version that SQLite does not know. */
function markReadOnly(path: string): void {
  const bytes = readFileSync(path)
  bytes[18] = 3
  writeFileSync(path, bytes)
}

function spoil(path: string, statement: string): void {
  const file = new Database(path)
  file.pragma('ignore_check_constraints = on')
  file.exec(statement)
  file.close()
}

function rowsOf(path: string, table: string): unknown {
  const file = new Database(path)
  const count = file.prepare(`select count(*) from ${table}`).pluck().get()
  file.close()
  return count
}

async function appendUntilFailure(
  storage: EventStorage,
): Promise<{ stored: number; failure: { code: string } }> {
  let stored = 0
  while (true) {
    const batch = makeRecords(100, { message: 'x'.repeat(100), tags: ['a'] })
    const outcome = storage.append(batch)
    const failed = await outcome.then(
      () => false,
      () => true,
    )
    if (failed) return { stored, failure: await failureOf(outcome) }
    stored += batch.length
  }
}
