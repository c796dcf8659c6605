import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { idsOf, positionsOf, readToHead } from '../../../src/testing/reading.ts'
import { makeRecord, makeRecords } from '../../../src/testing/record.ts'
import { failureOf, openStore, temporaryPath } from './setup.ts'

/** For tests that take seconds on an idle machine. */
const PATIENT = { timeout: 120_000 }

test(
  'a clear of 200,000 events removes exactly these while events arrive and are read',
  PATIENT,
  async () => {
    const storage = await openStore(temporaryPath())
    await fill(storage, 200_000)
    const appended: string[] = []
    const cleared = storage.clear()
    let clearing = true
    const removed = cleared.finally(() => {
      clearing = false
    })
    for (let i = 0; clearing; i++) {
      const { receipts } = await storage.append([makeRecord({ id: `new ${i}`, type: 'new', tags: ['new'] })])
      expect(receipts).toEqual([{ position: 200_001 + i, duplicate: false }])
      appended.push(`new ${i}`)
      expect((await storage.list({ limit: 1 })).events[0]?.id).toBe(`new ${i}`)
      expect(await storage.count({ tags: ['new'] })).toBe(i + 1)
    }
    expect(await removed).toBe(200_000)
    expect(appended.length).toBeGreaterThan(10)
    expect(idsOf(await readToHead(storage))).toEqual(appended)
    expect((await storage.totals()).byType).toEqual({ new: appended.length })
  },
)

test('two deletes run at the same time, and both report what they removed', async () => {
  const storage = await openStore(temporaryPath())
  await fill(storage, 20_000)
  const counts = await Promise.all([
    storage.clear(),
    storage.deleteMatching({ tags: ['a'] }),
    storage.clear(),
  ])
  expect(counts.reduce((sum, count) => sum + count)).toBe(20_000)
  expect((await storage.totals()).total).toBe(0)
})

test('a close aborts a long delete, which then has been done in part and says so', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  await fill(storage, 50_000)
  const failure = failureOf(storage.clear())
  await storage.append(makeRecords(1))
  await storage.close()
  expect((await failure).code).toBe('EVENTS_NOT_RUNNING')
  await storage.open()
  const left = await storage.count()
  expect(left).toBeGreaterThan(1)
  expect(left).toBeLessThan(50_001)
  expect((await storage.totals()).total).toBe(left)
  expect(await storage.count({ data: {} })).toBe(left)
})

test('the file shrinks after most of its events are removed, whichever they are', async () => {
  const path = temporaryPath()
  const storage = await openStore(path)
  await fill(storage, 30_000)
  await storage.close()
  const before = statSync(path).size
  await storage.open()
  expect(await storage.trim({ maxEvents: 3_000 })).toBe(27_000)
  expect(statSync(path).size + statSync(`${path}-wal`).size).toBeLessThan(0.3 * before)
  expect(positionsOf(await readToHead(storage))).toEqual(Array.from({ length: 3_000 }, (_, i) => 27_001 + i))
})

async function fill(storage: EventStorage, count: number): Promise<void> {
  for (let stored = 0; stored < count; stored += 5_000) {
    await storage.append(makeRecords(5_000, { tags: ['a', 'b'], message: 'x'.repeat(50) }))
  }
}
