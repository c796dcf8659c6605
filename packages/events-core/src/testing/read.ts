import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { idsOf, positionsOf, readToHead, repeatDuring } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

export const readTests: ContractTests = {
  'a new store is at position 0, and its first event is at 1': async (context) => {
    const storage = await context.create()
    await storage.open()
    expect((await storage.head()).position).toBe(0)
    expect(await storage.read({ after: 0, limit: 10 })).toEqual({ events: [], position: 0, more: false })
    expect((await storage.append([makeRecord()])).receipts).toEqual([{ position: 1, duplicate: false }])
    await storage.close()
  },

  'a read returns the events after its position, oldest first, up to its limit': async ({
    storage,
    base,
  }) => {
    await storage.append(makeRecords(10))
    const read = await storage.read({ after: base + 3, limit: 4 })
    expect(positionsOf(read.events, base)).toEqual([4, 5, 6, 7])
    expect(read).toMatchObject({ position: base + 7, more: true })
  },

  'a read that finds fewer than its limit has examined all up to the head': async ({ storage, base }) => {
    await storage.append(makeRecords(3))
    expect((await storage.read({ after: base + 1, limit: 10 })).position).toBe(base + 3)
    expect(await storage.read({ after: base + 3, limit: 10 })).toEqual({
      events: [],
      position: base + 3,
      more: false,
    })
  },

  'a read with a filter that matches nothing still reaches the head': async ({ storage, base }) => {
    await storage.append(makeRecords(500))
    expect(await readToHead(storage, { limit: 10, filter: { types: ['nothing.here'] } })).toEqual([])
    const read = await storage.read({ after: base + 499, limit: 10, filter: { types: ['nothing.here'] } })
    expect(read).toEqual({ events: [], position: base + 500, more: false })
  },

  'a filtered read never passes a matching event that it did not return': async ({ storage, base }) => {
    const types = Array.from({ length: 90 }, (_, index) => (index % 3 === 0 ? 'wanted' : 'other'))
    await storage.append(types.map((type) => makeRecord({ type })))
    const events = await readToHead(storage, { limit: 7, filter: { types: ['wanted'] } })
    expect(positionsOf(events, base)).toEqual(Array.from({ length: 30 }, (_, index) => index * 3 + 1))
  },

  'a read after a position beyond the head returns that position': async ({ storage, base }) => {
    await storage.append(makeRecords(2))
    expect(await storage.read({ after: base + 7, limit: 10 })).toEqual({
      events: [],
      position: base + 7,
      more: false,
    })
  },

  'a read skips positions of removed events': async ({ storage, base }) => {
    await storage.append(['a', 'b', 'c', 'd'].map((id) => makeRecord({ id })))
    await storage.delete('b')
    await storage.delete('d')
    const read = await storage.read({ after: base, limit: 10 })
    expect(idsOf(read.events)).toEqual(['a', 'c'])
    expect(read.position).toBe(base + 4)
  },

  'a reader that follows the log while events arrive gets each event once, in order': async ({
    storage,
    base,
  }) => {
    const appends = Promise.all(Array.from({ length: 50 }, () => storage.append(makeRecords(4))))
    const seen: number[] = []
    let after = base
    await repeatDuring(appends, async () => {
      const read = await storage.read({ after, limit: 1_000 })
      seen.push(...positionsOf(read.events, base))
      after = read.position
    })
    expect(seen).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  },

  'the epoch is constant and differs from that of another store': async (context) => {
    const { storage, base } = context
    const { epoch } = await storage.head()
    expect(epoch).not.toBe('')
    await storage.append(makeRecords(2))
    await storage.clear()
    expect(await storage.head()).toEqual({ epoch, position: base + 2, keptFrom: base + 3 })
    const other = await context.create()
    await other.open()
    expect((await other.head()).epoch).not.toBe(epoch)
    await other.close()
  },

  'changes that one reader makes to an event are not visible to others': async ({ storage, base }) => {
    await storage.append([makeRecord({ id: 'a', data: { list: [1] }, tags: ['x'] })])
    const before = JSON.stringify(await storage.get('a'))
    const event = (await storage.read({ after: base, limit: 1 })).events[0]
    for (const part of [event, event?.data, event?.data.list, event?.tags]) {
      // Reflect.set returns false for a frozen object, where an assignment would throw.
      if (typeof part === 'object' && part !== null) Reflect.set(part, 0, 'changed')
    }
    if (event !== undefined) Reflect.set(event, 'title', 'changed')
    expect(JSON.stringify(await storage.get('a'))).toBe(before)
    expect(JSON.stringify((await storage.list({ limit: 1 })).events[0])).toBe(before)
  },
}
