import { expect } from 'vitest'
import type { EventFilter } from '../filter/filter.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { ContractContext, ContractTests } from './contract-context.ts'
import { idsOf, pagesOf } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

export const pagingTests: ContractTests = {
  'pages by cursor contain every event once, in order': async ({ storage }) => {
    const ids = await appendNumbered(storage, 53)
    for (const limit of [1, 7, 53, 54]) {
      const ascending = await pagesOf(storage, { limit, order: 'asc' })
      expect(ascending.flatMap(idsOf)).toEqual(ids)
      expect(ascending.slice(0, -1).every((page) => page.length === limit)).toBe(true)
      const descending = await pagesOf(storage, { limit, order: 'desc' })
      expect(descending.flatMap(idsOf)).toEqual(ids.toReversed())
    }
  },

  'pages by offset contain every event once while nothing changes': async ({ storage }) => {
    const ids = await appendNumbered(storage, 23)
    const seen: string[] = []
    for (let offset = 0; offset < 30; offset += 5) {
      const page = await storage.list({ limit: 5, offset, order: 'asc' })
      expect(page.total).toBe(23)
      seen.push(...idsOf(page.events))
    }
    expect(seen).toEqual(ids)
  },

  'while events arrive, pages in descending order contain all earlier events and no new ones': async ({
    storage,
  }) => {
    const ids = await appendNumbered(storage, 30)
    const pages = await pagesOf(storage, { limit: 7 }, () => storage.append(makeRecords(3)))
    expect(pages.flatMap(idsOf)).toEqual(ids.toReversed())
    expect(await storage.count()).toBe(42)
  },

  'while events arrive, pages in ascending order contain all events, each once': async ({ storage }) => {
    await appendNumbered(storage, 30)
    const pages = await pagesOf(storage, { limit: 7, order: 'asc' }, () => storage.append(makeRecords(2)))
    const seen = pages.flatMap(idsOf)
    expect(seen).toHaveLength(await storage.count())
    expect(new Set(seen).size).toBe(seen.length)
  },

  'a cursor stays valid when its own event is removed': async ({ storage }) => {
    const ids = await appendNumbered(storage, 9)
    const first = await storage.list({ limit: 3, order: 'asc' })
    await storage.delete(ids[2] ?? '')
    await storage.delete(ids[3] ?? '')
    const second = await storage.list({ limit: 3, order: 'asc', after: first.next ?? 0 })
    expect(idsOf(second.events)).toEqual(ids.slice(4, 7))
  },

  'with one event in a hundred tagged, a page of ten has ten and the total is right': async ({ storage }) => {
    await storage.append(
      Array.from({ length: 2_000 }, (_, index) =>
        makeRecord({ tags: index % 100 === 0 ? ['rare'] : ['often'] }),
      ),
    )
    const filter = { tags: ['rare'] }
    const first = await storage.list({ filter, limit: 10 })
    expect(first.events).toHaveLength(10)
    expect(first.total).toBe(20)
    const second = await storage.list({ filter, limit: 10, after: first.next ?? 0 })
    expect(second.events).toHaveLength(10)
    expect(second.total).toBe(20)
    expect(second).not.toHaveProperty('next')
    for (const offset of [3, 10, 15]) {
      const page = await storage.list({ filter, limit: 10, offset })
      expect(page.events).toEqual([...first.events, ...second.events].slice(offset, offset + 10))
    }
  },

  'pages by target are full and have exact totals, for rare and frequent targets and with other conditions':
    async ({ storage }) => {
      await storage.append(
        Array.from({ length: 3_000 }, (_, index) =>
          makeRecord({ target: targetOf(index), type: index % 300 === 0 ? 'first.type' : 'other.type' }),
        ),
      )
      const totalOf = async (filter: EventFilter) => (await storage.list({ filter, limit: 4 })).total
      const pages = await pagesOf(storage, { filter: { target: 'few' }, limit: 8 })
      expect(pages.map((page) => page.length)).toEqual([8, 8, 4])
      expect(new Set(pages.flatMap(idsOf)).size).toBe(20)
      expect(await totalOf({ target: 'few', types: ['first.*'] })).toBe(10)
      expect(await totalOf({ target: 'few', minPriority: 100 })).toBe(0)
      expect(await totalOf({ target: 'many' })).toBe(1_480)
      expect(await totalOf({ target: 'many', types: ['first.type'] })).toBe(0)
      expect(await storage.list({ filter: { target: 'nobody' }, limit: 8 })).toEqual({ events: [], total: 0 })
    },

  'filtered pages are as full as others and have exact totals, whatever the filter': testFullPages,

  // Not more: a memory store may keep only this many events, and drop older ones.
  'a page may have 10,000 events': async ({ storage, base }) => {
    for (let batch = 0; batch < 10; batch++) await storage.append(makeRecords(1_000))
    const all = await storage.list({ limit: 10_000 })
    expect(all.events).toHaveLength(10_000)
    expect(all).toMatchObject({ total: 10_000 })
    expect(all).not.toHaveProperty('next')
    expect((await storage.list({ limit: 9_990 })).next).toBe(base + 11)
  },
}

async function testFullPages({ storage }: ContractContext): Promise<void> {
  // One in ten matches each of the filters.
  const records = Array.from({ length: 300 }, (_, i) =>
    makeRecord(i % 10 === 4 ? { ...RARE, data: { rare: true } } : {}),
  )
  await storage.append(records)
  const filters = [
    { types: ['rare.*'] },
    { sources: ['plugin:*'] },
    { tags: ['x', 'y'], tagsMode: 'all' as const },
    { minPriority: 20 },
    { target: 'somebody' },
    { data: { rare: true } },
    { since: '2030-01-02T00:00:00Z' },
  ]
  for (const filter of filters) {
    const pages = await pagesOf(storage, { filter, limit: 8 })
    expect(pages.map((page) => page.length)).toEqual([8, 8, 8, 6])
    expect((await storage.list({ filter, limit: 8, offset: 16 })).total).toBe(30)
  }
}

const RARE = {
  type: 'rare.thing',
  source: 'plugin:rare',
  tags: ['x', 'y'],
  priority: 20,
  target: 'somebody',
  timestamp: '2030-01-02T00:00:00Z',
}

function targetOf(index: number): string {
  if (index % 150 === 0) return 'few'
  return index % 2 === 0 ? 'many' : ''
}

async function appendNumbered(storage: EventStorage, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `event ${index}`)
  await storage.append(ids.map((id) => makeRecord({ id })))
  return ids
}
