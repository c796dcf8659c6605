import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { makeRecord, makeRecords } from './record.ts'

export const keptFromTests: ContractTests = {
  'in a new store, kept-from is 1': async (context) => {
    const storage = await context.create()
    await storage.open()
    expect(await storage.head()).toMatchObject({ position: 0, keptFrom: 1 })
    await storage.append(makeRecords(3))
    expect(await storage.head()).toMatchObject({ position: 3, keptFrom: 1 })
    await storage.close()
  },

  'a trim by number moves kept-from to the first remaining event': async ({ storage, base }) => {
    await storage.append(makeRecords(2_000))
    await storage.trim({ maxEvents: 300 })
    expect((await storage.head()).keptFrom).toBe(base + 1_701)
    expect((await storage.list({ order: 'asc', limit: 1 })).events[0]?.position).toBe(base + 1_701)
  },

  'a trim by age moves kept-from beyond the last removed event': async ({ storage, clock, base }) => {
    await storage.append(makeRecords(2))
    clock.advance(1_000)
    await storage.append(makeRecords(1))
    expect(await storage.trim({ maxAgeMs: 500 })).toBe(2)
    expect((await storage.head()).keptFrom).toBe(base + 3)
  },

  'clear moves kept-from beyond all stored events': async ({ storage, base }) => {
    await storage.append(makeRecords(1_500))
    await storage.clear()
    expect(await storage.head()).toMatchObject({ position: base + 1_500, keptFrom: base + 1_501 })
  },

  'kept-from never decreases, and a trim that removes nothing does not move it': async ({
    storage,
    clock,
    base,
  }) => {
    await storage.append(makeRecords(6))
    clock.advance(1_000)
    await storage.trim({ maxAgeMs: 500 })
    expect((await storage.head()).keptFrom).toBe(base + 7)
    await storage.append(makeRecords(2))
    expect(await storage.trim({ maxEvents: 2 })).toBe(0)
    expect((await storage.head()).keptFrom).toBe(base + 7)
  },

  'removals other than retention do not move kept-from': async ({ storage, clock }) => {
    const { keptFrom } = await storage.head()
    await storage.append([makeRecord({ id: 'a' }), makeRecord({ type: 'x' }), makeRecord({ ttl: 10 })])
    clock.advance(10)
    await storage.delete('a')
    await storage.deleteMatching({ types: ['x'] })
    expect(await storage.sweepExpired()).toBe(1)
    expect((await storage.head()).keptFrom).toBe(keptFrom)
  },
}
