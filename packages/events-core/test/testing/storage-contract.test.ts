import { expect, test } from 'vitest'
import type { EventStorage } from '../../src/storage/contract/storage.ts'
import { memoryStorage } from '../../src/storage/memory/index.ts'
import { ContractContext } from '../../src/testing/contract-context.ts'
import { makeRecord } from '../../src/testing/index.ts'
import { StorePool } from '../../src/testing/store-pool.ts'

function memoryFactory() {
  const destroyed: EventStorage[] = []
  return {
    destroyed,
    create: ({ now }: { now: () => number }) => memoryStorage({ now }),
    destroy: (storage: EventStorage) => {
      destroyed.push(storage)
    },
  }
}

test('a contract test that leaves a store open fails', async () => {
  const factory = memoryFactory()
  const run = ContractContext.run(new StorePool(factory), async (context) => {
    const storage = await context.create()
    await storage.open()
  })
  await expect(run).rejects.toThrow('left a store open')
  expect(factory.destroyed).toHaveLength(2)
  for (const storage of factory.destroyed) await expect(storage.head()).rejects.toThrow('not open')
})

test('a failing contract test is reported, and its store is closed and removed', async () => {
  const factory = memoryFactory()
  const run = ContractContext.run(new StorePool(factory), async () => {
    throw new Error('broken guarantee')
  })
  await expect(run).rejects.toThrow('broken guarantee')
  expect(factory.destroyed).toHaveLength(1)
})

test('a store in order is reused, empty and at the initial time; one that was closed or is ahead is not', async () => {
  const factory = memoryFactory()
  const pool = new StorePool(factory)
  const used: EventStorage[] = []
  for (let run = 0; run < 4; run++) {
    await ContractContext.run(pool, async ({ storage, clock, base }) => {
      used.push(storage)
      expect(clock.now()).toBe(Date.UTC(2030, 0, 1))
      expect(await storage.count()).toBe(0)
      const { receipts } = await storage.append([makeRecord({ id: 'a' })])
      expect(receipts).toEqual([{ position: base + 1, duplicate: false }])
      clock.advance(-1_000)
      if (run === 1) await storage.close()
      if (run === 2) clock.advance(1_001)
    })
  }
  expect(used[1]).toBe(used[0])
  expect(used[2]).not.toBe(used[1])
  expect(used[3]).not.toBe(used[2])
  await pool.end()
  expect(factory.destroyed).toEqual([used[1], used[2], used[3]])
})

test('a record is what the bus would pass to a store', () => {
  const record = makeRecord({ data: { n: -0 }, timestamp: '2030-01-01T01:00:00+01:00', ttl: 5 })
  expect(record).toMatchObject({
    dataJson: '{"n":0}',
    timestampMs: Date.UTC(2030, 0, 1),
    expiresAtMs: Date.UTC(2030, 0, 1) + 5,
  })
  expect(record.event).toMatchObject({
    type: 'test.event',
    timestamp: '2030-01-01T00:00:00.000Z',
    data: { n: 0 },
  })
  expect(() => makeRecord({ timestamp: 'now' })).toThrow('timestamp must be an RFC 3339 time')
})
