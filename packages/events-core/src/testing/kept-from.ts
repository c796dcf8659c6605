import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { makeRecord, makeRecords } from './record.ts'

export const keptFromTests: ContractTests = {
  'in a new store all is kept': async (context) => {
    const storage = await context.create()
    await storage.open()
    expect(await storage.head()).toMatchObject({ position: 0, keptFrom: 1 })
    await storage.append(makeRecords(3))
    expect(await storage.head()).toMatchObject({ position: 3, keptFrom: 1 })
    await storage.close()
  },

  'after a trim by number the log begins with the first that stayed': async ({ storage, base }) => {
    await storage.append(makeRecords(2_000))
    await storage.trim({ maxEvents: 300 })
    expect((await storage.head()).keptFrom).toBe(base + 1_701)
    expect((await storage.list({ order: 'asc', limit: 1 })).events[0]?.position).toBe(base + 1_701)
  },

  'after a trim by age it begins beyond the last that was too old': async ({ storage, clock, base }) => {
    await storage.append(makeRecords(2))
    clock.advance(1_000)
    await storage.append(makeRecords(1))
    expect(await storage.trim({ maxAgeMs: 500 })).toBe(2)
    expect((await storage.head()).keptFrom).toBe(base + 3)
  },

  'after clear it begins beyond all that was stored': async ({ storage, base }) => {
    await storage.append(makeRecords(1_500))
    await storage.clear()
    expect(await storage.head()).toMatchObject({ position: base + 1_500, keptFrom: base + 1_501 })
  },

  'it never goes back, and a trim that removes nothing leaves it': async ({ storage, clock, base }) => {
    await storage.append(makeRecords(6))
    clock.advance(1_000)
    await storage.trim({ maxAgeMs: 500 })
    expect((await storage.head()).keptFrom).toBe(base + 7)
    await storage.append(makeRecords(2))
    expect(await storage.trim({ maxEvents: 2 })).toBe(0)
    expect((await storage.head()).keptFrom).toBe(base + 7)
  },

  'removals that are no retention do not move it': async ({ storage, clock }) => {
    const { keptFrom } = await storage.head()
    await storage.append([makeRecord({ id: 'a' }), makeRecord({ type: 'x' }), makeRecord({ ttl: 10 })])
    clock.advance(10)
    await storage.delete('a')
    await storage.deleteMatching({ types: ['x'] })
    expect(await storage.sweepExpired()).toBe(1)
    expect((await storage.head()).keptFrom).toBe(keptFrom)
  },
}
