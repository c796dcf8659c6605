import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { idsOf, positionsOf } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

export const listTests: ContractTests = {
  'events are listed newest first unless another order is requested': async ({ storage, base }) => {
    await storage.append(makeRecords(3))
    expect(positionsOf((await storage.list({ limit: 10 })).events, base)).toEqual([3, 2, 1])
    expect(positionsOf((await storage.list({ limit: 10, order: 'desc' })).events, base)).toEqual([3, 2, 1])
    expect(positionsOf((await storage.list({ limit: 10, order: 'asc' })).events, base)).toEqual([1, 2, 3])
  },

  'an empty store lists nothing': async ({ storage }) => {
    const page = await storage.list({ limit: 10 })
    expect(page).toEqual({ events: [], total: 0 })
    expect(page).not.toHaveProperty('next')
  },

  'next is absent on the last page, even if it is full': async ({ storage, base }) => {
    await storage.append(makeRecords(4))
    expect((await storage.list({ limit: 2 })).next).toBe(base + 3)
    expect(await storage.list({ limit: 2, after: base + 3 })).not.toHaveProperty('next')
    expect(await storage.list({ limit: 4 })).not.toHaveProperty('next')
    expect(await storage.list({ limit: 4, count: 'none' })).not.toHaveProperty('next')
    expect(await storage.list({ limit: 4, filter: { minPriority: 100 } })).not.toHaveProperty('next')
  },

  'events that do not match the filter cause no further page': async ({ storage }) => {
    await storage.append([makeRecord({ type: 'other' }), ...makeRecords(2), makeRecord({ type: 'other' })])
    const filter = { types: ['test.event'] }
    for (const order of ['asc', 'desc'] as const) {
      expect(await storage.list({ limit: 2, filter, order })).not.toHaveProperty('next')
    }
  },

  'the total counts all pages, wherever the page begins': async ({ storage, base }) => {
    await storage.append(makeRecords(7))
    expect((await storage.list({ limit: 2 })).total).toBe(7)
    expect((await storage.list({ limit: 2, after: base + 3 })).total).toBe(7)
    expect((await storage.list({ limit: 2, offset: 6 })).total).toBe(7)
    expect((await storage.list({ limit: 2, count: 'exact', order: 'asc', after: base + 3 })).total).toBe(7)
  },

  'a page with count none has no total': async ({ storage, base }) => {
    await storage.append(makeRecords(3))
    const page = await storage.list({ limit: 2, count: 'none' })
    expect(page).not.toHaveProperty('total')
    expect(positionsOf(page.events, base)).toEqual([3, 2])
    expect(page.next).toBe(base + 2)
  },

  '0 is a valid cursor': async ({ storage, base }) => {
    await storage.append(makeRecords(2))
    expect((await storage.list({ limit: 10, after: 0 })).events).toEqual([])
    expect(positionsOf((await storage.list({ limit: 10, after: 0, order: 'asc' })).events, base)).toEqual([
      1, 2,
    ])
  },

  'a cursor beyond the newest event is valid': async ({ storage, base }) => {
    await storage.append(makeRecords(2))
    expect(positionsOf((await storage.list({ limit: 10, after: base + 99 })).events, base)).toEqual([2, 1])
    expect((await storage.list({ limit: 10, after: base + 99, order: 'asc' })).events).toEqual([])
  },

  'an offset skips that many matching events': async ({ storage, base }) => {
    await storage.append(Array.from({ length: 9 }, (_, i) => makeRecord({ id: `${i}`, priority: i % 3 })))
    const filter = { minPriority: 1 }
    const page = await storage.list({ filter, limit: 2, offset: 3 })
    expect(idsOf(page.events)).toEqual(['4', '2'])
    expect(page.total).toBe(6)
    expect(page.next).toBe(base + 3)
    expect(await storage.list({ filter, limit: 2, offset: 6 })).toEqual({ events: [], total: 6 })
  },

  'an offset counts from the cursor': async ({ storage, base }) => {
    await storage.append(makeRecords(9))
    expect(positionsOf((await storage.list({ limit: 2, after: base + 8, offset: 2 })).events, base)).toEqual([
      5, 4,
    ])
    const ascending = await storage.list({ limit: 2, after: base + 2, offset: 2, order: 'asc' })
    expect(positionsOf(ascending.events, base)).toEqual([5, 6])
  },

  'get finds the event with an id and no other': async ({ storage }) => {
    await storage.append([makeRecord({ id: 'a', title: 'A' }), makeRecord({ id: 'b', title: 'B' })])
    expect((await storage.get('b'))?.title).toBe('B')
    for (const id of ['B', 'c', '', '%', 'b ', '__proto__']) expect(await storage.get(id)).toBeUndefined()
  },

  'list, get and read return the same event': async ({ storage, base }) => {
    await storage.append([makeRecord({ id: 'a', data: { b: 1, a: [2] }, tags: ['t'], correlation_id: 'c' })])
    const event = await storage.get('a')
    expect(event).toMatchObject({ id: 'a', position: base + 1 })
    expect((await storage.list({ limit: 1 })).events).toStrictEqual([event])
    expect((await storage.read({ after: base, limit: 1 })).events).toStrictEqual([event])
  },
}
