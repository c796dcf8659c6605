import { expect } from 'vitest'
import { formatTimestamp } from '../event/timestamp.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { ContractTests } from './contract-context.ts'
import { idsOf, listAll, pagesOf, positionsOf, readToHead } from './reading.ts'
import { makeRecord } from './record.ts'

const visibility: ContractTests = {
  'an event is visible until it expires, and nowhere afterwards': async ({ storage, clock }) => {
    const timestamp = formatTimestamp(clock.now())
    await storage.append([makeRecord({ id: 'short', timestamp, ttl: 1_000 }), makeRecord({ id: 'long' })])
    clock.advance(999)
    await expectVisible(storage, ['short', 'long'])
    clock.advance(1)
    await expectVisible(storage, ['long'])
    await storage.sweepExpired()
    await expectVisible(storage, ['long'])
  },

  'the TTL counts from the timestamp, not from the append': async ({ storage, clock }) => {
    const timestamp = formatTimestamp(clock.now() - 900)
    await storage.append([makeRecord({ timestamp, ttl: 1_000 })])
    clock.advance(100)
    await expectVisible(storage, [])
  },

  'an event that is appended expired is stored but never visible': async ({ storage, base }) => {
    const record = makeRecord({ id: 'stale', timestamp: '2029-12-31T00:00:00Z', ttl: 1 })
    const { receipts } = await storage.append([record, makeRecord({ id: 'fresh' })])
    expect(receipts).toEqual([
      { position: base + 1, duplicate: false },
      { position: base + 2, duplicate: false },
    ])
    await expectVisible(storage, ['fresh'])
  },

  'an event without a TTL stays, however old': async ({ storage, clock }) => {
    await storage.append([makeRecord({ id: 'old', timestamp: '1900-01-01T00:00:00Z' })])
    clock.advance(100 * 365 * 86_400_000)
    await storage.sweepExpired()
    await expectVisible(storage, ['old'])
  },

  'expired events take no room on a page and cause no further page': async ({ storage, clock, base }) => {
    await storage.append(Array.from({ length: 30 }, (_, i) => makeRecord(i % 3 === 1 ? {} : { ttl: 10 })))
    clock.advance(10)
    const pages = await pagesOf(storage, { limit: 5, order: 'asc' })
    expect(pages.map((page) => positionsOf(page, base))).toEqual([
      [2, 5, 8, 11, 14],
      [17, 20, 23, 26, 29],
    ])
    expect((await storage.list({ limit: 3, offset: 8 })).events).toHaveLength(2)
  },

  'a reader advances past expired events': async ({ storage, clock, base }) => {
    await storage.append([makeRecord({ id: 'a' }), makeRecord({ ttl: 10 }), makeRecord({ ttl: 10 })])
    clock.advance(10)
    expect(idsOf(await readToHead(storage, { limit: 1 }))).toEqual(['a'])
    expect(await storage.read({ after: base + 1, limit: 10 })).toEqual({
      events: [],
      position: base + 3,
      more: false,
    })
  },
}

const sweep: ContractTests = {
  'the sweep removes expired events and returns their number': async ({ storage, clock }) => {
    const ttls = [10, 20, 20, 21]
    await storage.append([makeRecord({ id: 'stays' }), ...ttls.map((ttl) => makeRecord({ ttl }))])
    expect(await storage.sweepExpired()).toBe(0)
    clock.advance(20)
    expect(await storage.sweepExpired()).toBe(3)
    expect(await storage.sweepExpired()).toBe(0)
    clock.advance(1)
    expect(await storage.sweepExpired()).toBe(1)
    expect(idsOf(await listAll(storage))).toEqual(['stays'])
  },

  'the id of an expired event is taken until the sweep, and free after it': async ({
    storage,
    clock,
    base,
  }) => {
    await storage.append([makeRecord({ id: 'a', ttl: 10 })])
    clock.advance(10)
    const early = await storage.append([makeRecord({ id: 'a' })])
    expect(early.receipts).toEqual([{ position: base + 1, duplicate: true }])
    expect(await storage.get('a')).toBeUndefined()
    await storage.sweepExpired()
    const late = await storage.append([makeRecord({ id: 'a' })])
    expect(late.receipts).toEqual([{ position: base + 2, duplicate: false }])
    expect((await storage.get('a'))?.position).toBe(base + 2)
  },

  'one sweep removes many expired events': async ({ storage, clock }) => {
    const records = Array.from({ length: 3_000 }, (_, i) => makeRecord(i % 2 === 0 ? { ttl: 10 } : {}))
    await storage.append(records)
    clock.advance(10)
    expect(await storage.sweepExpired()).toBe(1_500)
    expect(await storage.count()).toBe(1_500)
  },
}

async function expectVisible(storage: EventStorage, ids: string[]): Promise<void> {
  expect(idsOf(await listAll(storage))).toEqual(ids)
  expect(idsOf((await storage.list({ limit: 100 })).events)).toEqual(ids.toReversed())
  expect(idsOf(await readToHead(storage))).toEqual(ids)
  expect(await storage.count()).toBe(ids.length)
  expect(await storage.count({ types: ['test.*'] })).toBe(ids.length)
  expect((await storage.totals()).total).toBe(ids.length)
  for (const id of ['short', 'long', 'stale', 'fresh', 'old']) {
    expect((await storage.get(id))?.id).toBe(ids.includes(id) ? id : undefined)
  }
}

export const expiryTests: ContractTests = { ...visibility, ...sweep }
