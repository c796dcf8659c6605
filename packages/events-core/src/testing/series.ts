import fc from 'fast-check'
import { expect } from 'vitest'
import { formatTimestamp } from '../event/timestamp.ts'
import { compileFilter } from '../filter/filter.ts'
import type { SeriesPoint, SeriesQuery } from '../storage/contract/series.ts'
import type { EventRecord } from '../storage/contract/storage.ts'
import { eventFields } from './arbitraries.ts'
import type { ContractTests } from './contract-context.ts'
import { makeRecord, type RecordFields } from './record.ts'

type Tests = ContractTests

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const START_MS = Date.UTC(2030, 0, 1)

function at(offsetMs: number, fields: RecordFields = {}): EventRecord {
  return makeRecord({ timestamp: formatTimestamp(START_MS + offsetMs), ...fields })
}

const minutes = (count: number): SeriesQuery => ({
  sinceMs: START_MS,
  untilMs: START_MS + count * MINUTE_MS,
  unit: 'minute',
})
const hours = (count: number): SeriesQuery => ({
  sinceMs: START_MS,
  untilMs: START_MS + count * HOUR_MS,
  unit: 'hour',
})
const point = (startMs: number, count: number, key = ''): SeriesPoint => ({
  startMs: START_MS + startMs,
  key,
  count,
})

const counting: Tests = {
  'events are counted by minute and hour of their timestamp, without empty units': async ({ storage }) => {
    await storage.append([at(-1), at(0), at(59_999), at(120_000), at(HOUR_MS), at(2 * HOUR_MS)])
    expect(await storage.series(minutes(61))).toEqual([
      point(0, 2),
      point(2 * MINUTE_MS, 1),
      point(HOUR_MS, 1),
    ])
    expect(await storage.series(hours(2))).toEqual([point(0, 3), point(HOUR_MS, 1)])
    expect(await storage.series(minutes(0))).toEqual([])
  },

  'counts are split by type, priority or source and ordered by time, then key by code point': async ({
    storage,
  }) => {
    await storage.append([
      at(0, { type: 'b', priority: 5, source: '\u{10000}' }),
      at(1, { type: 'a', priority: 10, source: '\uffff' }),
      at(2, { type: 'a', priority: 5, source: 'x' }),
      at(MINUTE_MS, { type: 'a', priority: 0, source: 'x' }),
    ])
    expect(await storage.series({ ...minutes(2), by: 'type' })).toEqual([
      point(0, 2, 'a'),
      point(0, 1, 'b'),
      point(MINUTE_MS, 1, 'a'),
    ])
    expect(await storage.series({ ...hours(1), by: 'type' })).toEqual([point(0, 3, 'a'), point(0, 1, 'b')])
    expect(await storage.series({ ...hours(1), by: 'priority' })).toEqual([
      point(0, 1, '0'),
      point(0, 1, '10'),
      point(0, 2, '5'),
    ])
    expect(await storage.series({ ...hours(1), by: 'source' })).toEqual([
      point(0, 2, 'x'),
      point(0, 1, '\uffff'),
      point(0, 1, '\u{10000}'),
    ])
  },

  'types, sources and minPriority select the counted events': async ({ storage }) => {
    await storage.append([
      at(0, { type: 'a.b', source: 'plugin:a' }),
      at(0, { type: 'a', source: 'plugin_b', priority: 20 }),
      at(0, { type: 'a_b', source: 'system' }),
    ])
    const countOf = async (query: Partial<SeriesQuery>) =>
      (await storage.series({ ...hours(1), ...query }))[0]?.count
    expect(await countOf({ types: ['a.*'] })).toBe(1)
    expect(await countOf({ types: ['a', 'a.*'] })).toBe(2)
    expect(await countOf({ types: ['*'] })).toBe(3)
    expect(await countOf({ types: ['a_b'], minPriority: 6 })).toBeUndefined()
    expect(await countOf({ minPriority: 20 })).toBe(1)
    expect(await countOf({ sources: ['plugin:*'] })).toBe(1)
    expect(await countOf({ sources: ['plugin:a', 'system'], by: 'source' })).toBe(1)
    expect(await countOf({ sources: ['plugin:a', 'system'] })).toBe(2)
  },

  'only visible events count, after deletions, trims, expiry and sweeps': async ({ storage, clock }) => {
    const ids = ['deleted', 'matching', 'trimmed', 'expired', 'stays']
    await storage.append([
      at(0, { id: 'trimmed', type: 'old' }),
      at(0, { id: 'deleted' }),
      at(0, { id: 'matching', type: 'x' }),
    ])
    await storage.append([at(0, { id: 'expired', ttl: 10 }), at(0, { id: 'stays' })])
    const total = async () => (await storage.series(hours(1)))[0]?.count
    expect(await total()).toBe(ids.length)
    await storage.delete('deleted')
    await storage.deleteMatching({ types: ['x'] })
    expect(await total()).toBe(3)
    await storage.trim({ types: ['old'], maxEvents: 0 })
    expect(await total()).toBe(2)
    clock.advance(10)
    expect(await total()).toBe(1)
    await storage.sweepExpired()
    expect(await total()).toBe(1)
    expect(await storage.series({ ...hours(1), by: 'source' })).toEqual([point(0, 1, 'test')])
    await storage.clear()
    expect(await storage.series(minutes(60))).toEqual([])
  },

  'duplicates, also among outputs of commits, are counted once': async ({ storage, scope }) => {
    const answer = await storage.leases.acquire(scope, 'test')
    const lease = { name: scope, token: answer.acquired ? answer.lease.token : 0 }
    await storage.append([at(0, { id: 'a' }), at(0, { id: 'a' })])
    await storage.commit(lease, { append: [at(0, { id: 'a' }), at(0, { id: 'b' })] })
    expect(await storage.series(minutes(1))).toEqual([point(0, 2)])
  },

  'a query that no kept count answers is rejected': async ({ storage }) => {
    const refused: readonly object[] = [
      { ...minutes(1), by: 'source' },
      { ...minutes(1), sources: ['a'] },
      { ...hours(1), sources: ['a'], types: ['a'] },
      { ...hours(1), sources: ['a'], minPriority: 1 },
      { ...hours(1), sources: ['a'], by: 'type' },
      { ...hours(1), by: 'source', types: ['a'] },
      { ...hours(1), by: 'title' },
      { ...hours(1), unit: 'day' },
      { ...hours(1), types: ['a*'] },
      { ...hours(1), types: [] },
      { ...hours(1), minPriority: 101 },
      { ...hours(1), sinceMs: START_MS + MINUTE_MS },
      { ...minutes(1), untilMs: START_MS + 1 },
      { ...minutes(1), sinceMs: START_MS + 2 * MINUTE_MS },
      { ...hours(1), tags: ['a'] },
      { unit: 'hour' },
    ]
    for (const query of refused) {
      // @ts-expect-error callers without types may pass anything
      await expect(storage.series(query), JSON.stringify(query)).rejects.toHaveProperty(
        'code',
        'EVENTS_INVALID',
      )
    }
  },

  'a query may have a hundred thousand units and is rejected with more': async ({ storage }) => {
    await storage.append([at(0), at(99_999 * MINUTE_MS)])
    expect(await storage.series(minutes(100_000))).toEqual([point(0, 1), point(99_999 * MINUTE_MS, 1)])
    await expect(storage.series(minutes(100_001))).rejects.toHaveProperty('code', 'EVENTS_INVALID')
  },
}

const anyOfTypes = fc.record(
  {
    unit: fc.constantFrom('minute' as const, 'hour' as const),
    by: fc.constantFrom('type' as const, 'priority' as const),
    types: fc.uniqueArray(fc.constantFrom('scan', 'scan.*', 'a', 'a.*', '__proto__', '*'), {
      minLength: 1,
      maxLength: 2,
    }),
    minPriority: fc.constantFrom(0, 5, 6, 100),
  },
  { requiredKeys: ['unit'] },
)
const anyOfSources = fc.record(
  {
    unit: fc.constant('hour' as const),
    by: fc.constant('source' as const),
    sources: fc.uniqueArray(fc.constantFrom('system', 'plugin:*', 'é', '*', "it's"), {
      minLength: 1,
      maxLength: 2,
    }),
  },
  { requiredKeys: ['unit', 'by'] },
)
/** Queries around the times of the events: the start of 2030, and 1970. */
const anyQuery: fc.Arbitrary<SeriesQuery> = fc
  .tuple(
    fc.oneof(anyOfTypes, anyOfSources),
    fc.constantFrom(0, START_MS),
    fc.integer({ min: -2, max: 0 }),
    fc.integer({ min: 0, max: 2 }),
  )
  .map(([query, startMs, since, until]) => ({
    ...query,
    sinceMs: startMs + since * HOUR_MS,
    untilMs: startMs + until * HOUR_MS,
  }))

const asASum: Tests = {
  'the counts equal those of the single events': async ({ storage }) => {
    const records = fc.array(eventFields, { maxLength: 20 }).map((list) => list.map(makeRecord))
    const property = fc.asyncProperty(
      records,
      fc.array(anyQuery, { minLength: 3, maxLength: 5 }),
      async (batch, queries) => {
        await storage.clear()
        await storage.append(batch)
        for (const { event } of batch.slice(0, 3)) await storage.delete(event.id)
        const kept = batch.slice(3)
        for (const query of queries)
          expect(await storage.series(query), JSON.stringify(query)).toEqual(pointsOf(kept, query))
      },
    )
    await fc.assert(property, { numRuns: 40 })
  },
}

/** Counts in the simplest way. */
function pointsOf(records: readonly EventRecord[], query: SeriesQuery): SeriesPoint[] {
  const { unit, by, sinceMs, untilMs, types, sources, minPriority } = query
  const filter = {
    ...(types && { types }),
    ...(sources && { sources }),
    ...(minPriority !== undefined && { minPriority }),
  }
  const matches = compileFilter(filter)
  const unitMs = unit === 'minute' ? MINUTE_MS : HOUR_MS
  const points = new Map<string, { startMs: number; key: string; count: number }>()
  for (const { event, timestampMs } of records) {
    if (timestampMs < sinceMs || timestampMs >= untilMs || !matches(event)) continue
    const startMs = Math.floor(timestampMs / unitMs) * unitMs
    const key = by === undefined ? '' : String(event[by])
    const name = JSON.stringify([startMs, key])
    points.set(name, { startMs, key, count: (points.get(name)?.count ?? 0) + 1 })
  }
  return [...points.values()].toSorted(
    (a, b) => a.startMs - b.startMs || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
  )
}

export const seriesTests: Tests = { ...counting, ...asASum }
