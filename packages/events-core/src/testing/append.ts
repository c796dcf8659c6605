import { expect } from 'vitest'
import { formatTimestamp } from '../event/timestamp.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { ContractTests } from './contract-context.ts'
import { idsOf, listAll, positionsOf, repeatDuring } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

const order: ContractTests = {
  'positions of a batch are consecutive, in the order of its records': async ({ storage, base }) => {
    await storage.append(makeRecords(3))
    const batch = makeRecords(50)
    const { receipts } = await storage.append(batch)
    expect(positionsOf(receipts, base)).toEqual(batch.map((_, index) => 4 + index))
    const stored = (await listAll(storage)).slice(3)
    expect(idsOf(stored)).toEqual(batch.map(({ event }) => event.id))
    expect(positionsOf(stored)).toEqual(positionsOf(receipts))
  },

  'concurrent appends get positions in the order of their calls, without holes': async ({
    storage,
    base,
  }) => {
    const batches = Array.from({ length: 40 }, (_, index) => makeRecords((index % 5) + 1))
    const results = await Promise.all(batches.map((batch) => storage.append(batch)))
    const positions = results.flatMap(({ receipts }) => positionsOf(receipts, base))
    expect(positions).toEqual(positions.map((_, index) => index + 1))
    expect(idsOf(await listAll(storage))).toEqual(batches.flat().map(({ event }) => event.id))
  },

  'events are ordered by append, not by timestamp': async ({ storage }) => {
    await storage.append([
      makeRecord({ id: 'late', timestamp: '2031-01-01T00:00:00Z' }),
      makeRecord({ id: 'early', timestamp: '1999-01-01T00:00:00Z' }),
    ])
    expect(idsOf(await listAll(storage))).toEqual(['late', 'early'])
  },

  'an empty batch stores nothing': async ({ storage, base }) => {
    expect((await storage.append([])).receipts).toEqual([])
    expect((await storage.head()).position).toBe(base)
  },

  'recorded_at is the time of the append, and the same for the whole batch': async ({ storage, clock }) => {
    clock.advance(1_234)
    const recordedAt = formatTimestamp(clock.now())
    expect((await storage.append(makeRecords(2))).recordedAt).toBe(recordedAt)
    clock.advance(1)
    await storage.append(makeRecords(1))
    const times = (await listAll(storage)).map((event) => event.recorded_at)
    expect(times).toEqual([recordedAt, recordedAt, formatTimestamp(clock.now())])
  },

  'setting the clock back does not change the order': async ({ storage, clock }) => {
    await storage.append([makeRecord({ id: 'a' })])
    clock.advance(-3_600_000)
    await storage.append([makeRecord({ id: 'b' })])
    expect(idsOf(await listAll(storage))).toEqual(['a', 'b'])
  },
}

const idempotence: ContractTests = {
  'an id that is already stored is a duplicate, with the position of the first event': async ({
    storage,
    base,
  }) => {
    await storage.append([makeRecord({ id: 'x' }), makeRecord({ id: 'same', title: 'first' })])
    const { receipts } = await storage.append([makeRecord({ id: 'same', title: 'second' })])
    expect(receipts).toEqual([{ position: base + 2, duplicate: true }])
    expect((await storage.get('same'))?.title).toBe('first')
    expect(await storage.count()).toBe(2)
  },

  'an id that occurs twice in a batch is stored once and takes one position': async ({ storage, base }) => {
    const ids = ['a', 'b', 'a', 'c', 'b']
    const { receipts } = await storage.append(ids.map((id) => makeRecord({ id })))
    expect(positionsOf(receipts, base)).toEqual([1, 2, 1, 3, 2])
    expect(receipts.map((receipt) => receipt.duplicate)).toEqual([false, false, true, false, true])
    expect(idsOf(await listAll(storage))).toEqual(['a', 'b', 'c'])
    expect((await storage.head()).position).toBe(base + 3)
  },

  'appending a stored batch again has no effect': async ({ storage, base }) => {
    const batch = makeRecords(10)
    const first = await storage.append(batch)
    const again = await storage.append(batch)
    expect(positionsOf(again.receipts)).toEqual(positionsOf(first.receipts))
    expect(again.receipts.every((receipt) => receipt.duplicate)).toBe(true)
    expect((await storage.head()).position).toBe(base + 10)
  },

  'concurrent appends of one id store it once': async ({ storage }) => {
    const results = await Promise.all(
      Array.from({ length: 20 }, () => storage.append([makeRecord({ id: 'same' }), makeRecord()])),
    )
    const receipts = results.map((result) => result.receipts[0])
    expect(receipts.filter((receipt) => receipt?.duplicate === false)).toHaveLength(1)
    expect(new Set(receipts.map((receipt) => receipt?.position)).size).toBe(1)
    expect(await storage.count()).toBe(21)
  },

  'ids differ by case, accents and spaces': async ({ storage }) => {
    const ids = ['a', 'A', 'ä', 'a\u0308', 'a ', ' a']
    const { receipts } = await storage.append(ids.map((id) => makeRecord({ id })))
    expect(receipts.some((receipt) => receipt.duplicate)).toBe(false)
    for (const id of ids) expect((await storage.get(id))?.id).toBe(id)
  },
}

const atomicity: ContractTests = {
  'a batch that fails halfway stores nothing and takes no position': async ({ storage, base }) => {
    await expect(storage.append([makeRecord({ id: 'a' }), brokenRecord(), makeRecord()])).rejects.toThrow()
    expect(await storage.count()).toBe(0)
    expect((await storage.totals()).total).toBe(0)
    const { receipts } = await storage.append([makeRecord({ id: 'a' })])
    expect(receipts).toEqual([{ position: base + 1, duplicate: false }])
  },

  'a batch becomes visible as a whole': async ({ storage }) => {
    const appends = Promise.all(Array.from({ length: 20 }, () => storage.append(makeRecords(10))))
    await repeatDuring(appends, () => expectWholeBatches(storage, 10))
    expect(await storage.count()).toBe(200)
  },
}

async function expectWholeBatches(storage: EventStorage, size: number): Promise<void> {
  const page = await storage.list({ limit: 1_000 })
  expect(page.events.length % size).toBe(0)
  expect(page.total).toBe(page.events.length)
  const read = await storage.read({ after: 0, limit: 1_000 })
  expect(read.events.length % size).toBe(0)
}

/** Returns a record that cannot be stored: reading its fields throws. */
function brokenRecord(): ReturnType<typeof makeRecord> {
  return {
    ...makeRecord(),
    get event(): never {
      throw new Error('this record cannot be read')
    },
  }
}

export const appendTests: ContractTests = { ...order, ...idempotence, ...atomicity }
