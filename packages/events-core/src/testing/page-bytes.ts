import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { idsOf, pagesOf } from './reading.ts'
import { makeRecord } from './record.ts'

const KIB = 1_024

/** Returns events whose data takes so many KiB, without titles and messages. */
function large(sizes: readonly number[]) {
  return sizes.map((size, index) => makeRecord({ id: `${index}`, data: { text: 'x'.repeat(size * KIB) } }))
}

export const pageBytesTests: ContractTests = {
  'a page ends with the event that reaches its size limit, and the next page continues after it': async ({
    storage,
  }) => {
    await storage.append(large([10, 10, 10, 50, 10, 10]))
    const query = { limit: 100, maxBytes: 25 * KIB }
    const ascending = await pagesOf(storage, { ...query, order: 'asc' })
    expect(ascending.map(idsOf)).toEqual([['0', '1', '2'], ['3'], ['4', '5']])
    const descending = await pagesOf(storage, query)
    expect(descending.map(idsOf)).toEqual([
      ['5', '4', '3'],
      ['2', '1', '0'],
    ])
  },

  'no page is empty, and the last page has no next, even if it is full': async ({ storage }) => {
    await storage.append(large([10, 10, 10]))
    for (const maxBytes of [1, 10 * KIB]) {
      const pages = await pagesOf(storage, { limit: 100, maxBytes, order: 'asc' })
      expect(pages.map(idsOf)).toEqual([['0'], ['1'], ['2']])
    }
    expect(await storage.list({ limit: 3, maxBytes: 25 * KIB })).not.toHaveProperty('next')
    expect((await storage.list({ limit: 2, maxBytes: 15 * KIB })).next).toBeDefined()
  },

  'titles and messages count in bytes for the size of a page': async ({ storage }) => {
    const texts = { title: 'é'.repeat(500), message: '😀'.repeat(1_000) }
    await storage.append([makeRecord({ id: 'a', ...texts }), makeRecord({ id: 'b', ...texts })])
    expect(idsOf((await storage.list({ limit: 10, maxBytes: 5_000 })).events)).toEqual(['b'])
    expect(idsOf((await storage.list({ limit: 10, maxBytes: 5_100 })).events)).toEqual(['b', 'a'])
  },

  'a read ends at its size limit and reports that there may be more': async ({ storage, base }) => {
    await storage.append(large([10, 10, 50, 10]))
    const seen: string[][] = []
    let after = base
    for (let more = true; more; ) {
      const read = await storage.read({ after, limit: 100, maxBytes: 15 * KIB })
      seen.push(idsOf(read.events))
      ;({ more, position: after } = read)
    }
    expect(seen).toEqual([['0', '1'], ['2'], ['3']])
    expect(after).toBe(base + 4)
  },

  'a size limit can be combined with an offset and a filter': async ({ storage }) => {
    await storage.append(
      large([10, 10, 10, 10, 10]).map((record, index) => ({
        ...record,
        event: { ...record.event, priority: index % 2 === 0 ? 5 : 1 },
      })),
    )
    const page = await storage.list({ limit: 9, offset: 1, maxBytes: 5 * KIB, filter: { minPriority: 5 } })
    expect(idsOf(page.events)).toEqual(['2'])
    expect(page.total).toBe(3)
    expect(page.next).toBe(page.events[0]?.position)
  },

  'a page of the largest events has few of the requested events': async ({ storage }) => {
    await storage.append(large(Array.from({ length: 60 }, () => 250)))
    const page = await storage.list({ limit: 10_000 })
    expect(page.events.length).toBeLessThan(40)
    expect(page.next).toBe(page.events.at(-1)?.position)
    const read = await storage.read({ after: 0, limit: 10_000 })
    expect(read.events.length).toBe(page.events.length)
    expect(read.more).toBe(true)
  },
}
