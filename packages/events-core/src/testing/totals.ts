import { expect } from 'vitest'
import type { StoredEvent } from '../event/event.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { ContractTests } from './contract-context.ts'
import { listAll } from './reading.ts'
import { makeRecord, type RecordFields } from './record.ts'

export const totalsTests: ContractTests = {
  'an empty store has totals of zero': async ({ storage }) => {
    expect(await storage.totals()).toEqual({ total: 0, byType: {}, bySource: {}, byPriority: {} })
  },

  'totals count by type, source and priority': async ({ storage }) => {
    await storage.append([
      makeRecord({ type: 'a', source: 'x', priority: 1 }),
      makeRecord({ type: 'a', source: 'y', priority: 20 }),
      makeRecord({ type: 'a.b', source: 'x', priority: 1 }),
    ])
    expect(await storage.totals()).toEqual({
      total: 3,
      byType: { a: 2, 'a.b': 1 },
      bySource: { x: 2, y: 1 },
      byPriority: { 1: 2, 20: 1 },
    })
  },

  'a duplicate counts once': async ({ storage }) => {
    await storage.append([makeRecord({ id: 'a' }), makeRecord({ id: 'a', type: 'other' })])
    await storage.append([makeRecord({ id: 'a', source: 'other' })])
    await expectTrueTotals(storage, 1)
  },

  'totals are right after every kind of removal': async ({ storage, clock }) => {
    await storage.append([makeRecord({ id: 'first' }), ...mixedRecords(60)])
    await expectTrueTotals(storage, 61)
    await storage.delete('first')
    await storage.delete('first')
    await expectTrueTotals(storage, 60)
    await storage.deleteMatching({ types: ['t.0'] })
    await expectTrueTotals(storage, 45)
    await storage.trim({ maxEvents: 30 })
    await expectTrueTotals(storage, 30)
    clock.advance(10)
    await storage.append(mixedRecords(5))
    await storage.trim({ maxAgeMs: 5 })
    await expectTrueTotals(storage, 5)
    await storage.clear()
    expect(await storage.totals()).toEqual({ total: 0, byType: {}, bySource: {}, byPriority: {} })
  },

  'totals leave out expired events, before the sweep and after it': async ({ storage, clock }) => {
    await storage.append([...mixedRecords(20), ...mixedRecords(20, { ttl: 50 })])
    await expectTrueTotals(storage, 40)
    clock.advance(50)
    await expectTrueTotals(storage, 20)
    await storage.sweepExpired()
    await expectTrueTotals(storage, 20)
    await storage.deleteMatching({ types: ['t.1'] })
    await expectTrueTotals(storage, 15)
  },

  'totals are right if expired events are removed before the sweep': async ({ storage, clock }) => {
    await storage.append([
      makeRecord({ id: 'gone', ttl: 50, type: 'x' }),
      ...mixedRecords(8),
      ...mixedRecords(4, { ttl: 50 }),
    ])
    clock.advance(50)
    await storage.delete('gone')
    await expectTrueTotals(storage, 8)
    await storage.deleteMatching({ types: ['t.2'] })
    await expectTrueTotals(storage, 6)
    await storage.trim({ maxEvents: 6 })
    await storage.sweepExpired()
    await expectTrueTotals(storage)
  },

  'an event that is appended expired is never counted': async ({ storage }) => {
    const stale = { type: 'stale', source: 'stale', priority: 99, ttl: 1, timestamp: '2029-01-01T00:00:00Z' }
    await storage.append([makeRecord(stale), makeRecord()])
    await expectTrueTotals(storage, 1)
    await storage.sweepExpired()
    await expectTrueTotals(storage, 1)
  },

  'the total of a tag counts an event with a repeated tag once and does not count duplicates': async ({
    storage,
  }) => {
    await storage.append([
      makeRecord({ id: 'a', tags: ['x', 'y', 'x'] }),
      makeRecord({ id: 'a', tags: ['x'] }),
      makeRecord({ tags: ['y', '\u0000', '__proto__'] }),
    ])
    await storage.append([makeRecord({ id: 'a', tags: ['x'] }), makeRecord({ tags: ['X', 'x '] })])
    await expectTrueTags(storage, ['x', 'y', 'X', 'x ', '\u0000', '__proto__', 'none'])
    await storage.delete('a')
    await expectTrueTags(storage, ['x', 'y'])
    expect(await storage.count({ tags: ['x'] })).toBe(0)
  },

  'the total of a tag is right after every kind of removal': async ({ storage, clock }) => {
    await storage.append([makeRecord({ id: 'first', tags: ['t.0', 't.1'] }), ...mixedRecords(60)])
    await storage.delete('first')
    await expectTrueTags(storage)
    await storage.deleteMatching({ tags: ['t.0'] })
    await expectTrueTags(storage)
    await storage.trim({ maxEvents: 20 })
    await expectTrueTags(storage)
    clock.advance(10)
    await storage.append(mixedRecords(5))
    await storage.trim({ maxAgeMs: 5 })
    await expectTrueTags(storage)
    expect(await storage.count({ tags: ['all'] })).toBe(5)
    await storage.clear()
    expect(await storage.count({ tags: ['all'] })).toBe(0)
  },

  'the total of a tag leaves out expired events, before the sweep and after it': async ({
    storage,
    clock,
  }) => {
    await storage.append([...mixedRecords(20), ...mixedRecords(20, { ttl: 50 })])
    clock.advance(50)
    await expectTrueTags(storage)
    expect(await storage.count({ tags: ['all'] })).toBe(20)
    await storage.deleteMatching({ types: ['t.1'] })
    await expectTrueTags(storage)
    await storage.sweepExpired()
    await expectTrueTags(storage)
    expect(await storage.count({ tags: ['all'] })).toBe(15)
  },

  'byType has the thousand types with the most events, and the total counts all': async ({ storage }) => {
    const types = Array.from({ length: 1_100 }, (_, index) => `t${index}`)
    await storage.append(types.map((type) => makeRecord({ type })))
    await storage.append(types.slice(50, 1_050).map((type) => makeRecord({ type, priority: 20 })))
    const { total, byType, byPriority } = await storage.totals()
    expect(total).toBe(2_100)
    expect(Object.values(byPriority).reduce((sum, count) => sum + count)).toBe(2_100)
    expect(byType).toEqual(Object.fromEntries(types.slice(50, 1_050).map((type) => [type, 2])))
  },

  'bySource has the hundred sources with the most events': async ({ storage }) => {
    const sources = Array.from({ length: 120 }, (_, index) => `plugin:${index}`)
    await storage.append(sources.map((source) => makeRecord({ source })))
    await storage.append(sources.slice(10, 110).map((source) => makeRecord({ source })))
    const { total, bySource } = await storage.totals()
    expect(total).toBe(220)
    expect(bySource).toEqual(Object.fromEntries(sources.slice(10, 110).map((source) => [source, 2])))
  },

  'sources whose events have expired give way to others': async ({ storage, clock }) => {
    const sources = Array.from({ length: 110 }, (_, index) => `plugin:${index}`)
    const expiring = sources.slice(0, 20)
    await storage.append(sources.map((source) => makeRecord({ source })))
    await storage.append([...expiring, ...expiring].map((source) => makeRecord({ source, ttl: 50 })))
    await storage.append(Array.from({ length: 9 }, () => makeRecord({ source: 'gone', ttl: 50 })))
    clock.advance(50)
    const { total, bySource } = await storage.totals()
    expect(total).toBe(110)
    expect(Object.values(bySource)).toEqual(Array.from({ length: 100 }, () => 1))
  },

  'names with a meaning in JavaScript are ordinary names': async ({ storage }) => {
    const names = ['__proto__', 'constructor', 'tostring', 'length']
    await storage.append(names.map((name) => makeRecord({ type: name, source: name })))
    const { byType, bySource } = await storage.totals()
    expect(Object.keys(byType).sort()).toEqual(names.toSorted())
    expect(Object.entries(bySource).sort()).toEqual(names.toSorted().map((name) => [name, 1]))
  },
}

/** Returns records of four types, three sources, two priorities and three tags. */
function mixedRecords(count: number, fields: RecordFields = {}): ReturnType<typeof makeRecord>[] {
  return Array.from({ length: count }, (_, i) =>
    makeRecord({
      ...fields,
      type: `t.${i % 4}`,
      source: `s.${i % 3}`,
      priority: i % 2 === 0 ? 1 : 20,
      tags: ['all', `t.${i % 2}`],
    }),
  )
}

/** Expects that the totals equal counts of the single events. */
async function expectTrueTotals(storage: EventStorage, total?: number): Promise<void> {
  const events = await listAll(storage)
  if (total !== undefined) expect(events).toHaveLength(total)
  expect(await storage.totals()).toEqual({
    total: events.length,
    byType: countBy(events, (event) => event.type),
    bySource: countBy(events, (event) => event.source),
    byPriority: countBy(events, (event) => String(event.priority)),
  })
}

/** Expects that the totals of tags equal counts of the single events, with other conditions too. */
async function expectTrueTags(storage: EventStorage, tags = ['all', 't.0', 't.1']): Promise<void> {
  const events = await listAll(storage)
  for (const tag of tags) {
    const tagged = events.filter((event) => event.tags.includes(tag))
    const ofType = tagged.filter((event) => event.type === 't.0')
    expect((await storage.list({ filter: { tags: [tag] }, limit: 1 })).total, tag).toBe(tagged.length)
    expect(await storage.count({ tags: [tag, tag], tagsMode: 'all' }), tag).toBe(tagged.length)
    expect(await storage.count({ tags: [tag], types: ['t.0'] }), tag).toBe(ofType.length)
  }
}

function countBy(
  events: readonly StoredEvent[],
  key: (event: StoredEvent) => string,
): Record<string, number> {
  const groups = Map.groupBy(events, key)
  return Object.fromEntries([...groups].map(([name, group]) => [name, group.length]))
}
