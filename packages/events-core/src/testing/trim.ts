import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { idsOf, listAll, positionsOf, readToHead } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

export const trimTests: ContractTests = {
  'a trim by number keeps that many of the newest events': async ({ storage, base }) => {
    await storage.append(makeRecords(20))
    expect(await storage.trim({ maxEvents: 20 })).toBe(0)
    expect(await storage.trim({ maxEvents: 5 })).toBe(15)
    expect(positionsOf(await listAll(storage), base)).toEqual([16, 17, 18, 19, 20])
    expect(await storage.trim({ maxEvents: 5 })).toBe(0)
  },

  'a trim by number does not count holes': async ({ storage }) => {
    await storage.append(Array.from({ length: 10 }, (_, i) => makeRecord({ id: `${i}` })))
    for (const id of ['9', '8', '5']) await storage.delete(id)
    expect(await storage.trim({ maxEvents: 3 })).toBe(4)
    expect(idsOf(await listAll(storage))).toEqual(['4', '6', '7'])
  },

  'a trim by age removes events that were recorded longer ago': async ({ storage, clock }) => {
    for (const id of ['a', 'b', 'c']) {
      await storage.append([makeRecord({ id })])
      clock.advance(100)
    }
    expect(await storage.trim({ maxAgeMs: 300 })).toBe(0)
    expect(await storage.trim({ maxAgeMs: 299 })).toBe(1)
    expect(idsOf(await listAll(storage))).toEqual(['b', 'c'])
    clock.advance(1_000)
    expect(await storage.trim({ maxAgeMs: 0 })).toBe(2)
  },

  'age is measured from recorded_at, not from the timestamp': async ({ storage, clock }) => {
    await storage.append([
      makeRecord({ id: 'back-dated', timestamp: '1990-01-01T00:00:00Z' }),
      makeRecord({ id: 'ahead', timestamp: '2050-01-01T00:00:00Z' }),
    ])
    clock.advance(100)
    expect(await storage.trim({ maxAgeMs: 100 })).toBe(0)
    clock.advance(1)
    expect(await storage.trim({ maxAgeMs: 100 })).toBe(2)
  },

  'a trim by age and number removes events that meet either condition': async ({ storage, clock, base }) => {
    await storage.append(makeRecords(5))
    clock.advance(100)
    await storage.append(makeRecords(5))
    expect(await storage.trim({ maxAgeMs: 50, maxEvents: 8 })).toBe(5)
    expect(await storage.trim({ maxAgeMs: 50, maxEvents: 2 })).toBe(3)
    expect(positionsOf(await listAll(storage), base)).toEqual([9, 10])
  },

  'a policy without conditions removes nothing': async ({ storage }) => {
    await storage.append(makeRecords(3))
    expect(await storage.trim({})).toBe(0)
    expect(await storage.count()).toBe(3)
  },

  'maxEvents 0 removes all events, positions continue and ids are free': async ({ storage, base }) => {
    await storage.append([makeRecord({ id: 'a' }), ...makeRecords(2)])
    expect(await storage.trim({ maxEvents: 0 })).toBe(3)
    expect(await storage.count()).toBe(0)
    const { receipts } = await storage.append([makeRecord({ id: 'a' })])
    expect(receipts).toEqual([{ position: base + 4, duplicate: false }])
  },

  'one trim removes many events, and a reader skips them': async ({ storage, base }) => {
    for (let batch = 0; batch < 6; batch++) await storage.append(makeRecords(1_000))
    expect(await storage.trim({ maxEvents: 10 })).toBe(5_990)
    expect(positionsOf(await readToHead(storage), base)).toEqual(
      Array.from({ length: 10 }, (_, i) => 5_991 + i),
    )
  },
}
