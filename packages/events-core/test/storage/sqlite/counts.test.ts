import { expect, test } from 'vitest'
import { formatTimestamp } from '../../../src/event/timestamp.ts'
import { compileFilter, type EventFilter } from '../../../src/filter/filter.ts'
import type { EventRecord, EventStorage } from '../../../src/storage/contract/storage.ts'
import { makeRecord } from '../../../src/testing/record.ts'
import { openStore, temporaryPath } from './setup.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const EDGES = [-1, 0, 1, MINUTE - 1, MINUTE, MINUTE + 1, 3 * MINUTE, HOUR - 1, HOUR, HOUR + 1, 2 * HOUR + 1]

const KINDS: readonly EventFilter[] = [
  {},
  { types: ['a.*'] },
  { types: ['a.x', 'b'], minPriority: 6 },
  { sources: ['plugin:*'] },
  { sources: ['system'] },
  { sources: ['system'], types: ['b'] },
]

test.each(['2030-01-01T10:00:00.000Z', '1969-12-31T23:00:00.000Z', '0000-01-01T10:00:00.000Z'])(
  'counts are exact to the millisecond, at and around whole minutes and hours, at %s',
  async (start) => {
    const startMs = Date.parse(start)
    const storage = await openStore(temporaryPath(), { now: () => startMs + HOUR })
    const records = EDGES.flatMap((offset) => recordsAt(startMs + offset))
    await storage.append(records)
    const visible = records.filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > startMs + HOUR)
    expect(visible.length).toBeLessThan(records.length)
    await expectCounts(storage, visible, startMs)
    // Expired or not, removed events are no longer counted.
    await storage.deleteMatching({ types: ['a.y'] })
    await expectCounts(
      storage,
      visible.filter(({ event }) => event.type !== 'a.y'),
      startMs,
    )
  },
)

function recordsAt(timestampMs: number): EventRecord[] {
  const timestamp = formatTimestamp(timestampMs)
  return [
    makeRecord({ timestamp, type: 'a.x', source: 'system', priority: 10 }),
    makeRecord({ timestamp, type: 'a.y', source: 'plugin:one', ttl: 2 * HOUR }),
    makeRecord({ timestamp, type: 'b', source: 'plugin:two', ttl: 10 * MINUTE }),
    makeRecord({ timestamp, type: 'b', source: 'system', priority: 7, ttl: 1 }),
  ]
}

async function expectCounts(
  storage: EventStorage,
  visible: readonly EventRecord[],
  startMs: number,
): Promise<void> {
  const filters = KINDS.flatMap((kind) => spans(startMs).map((span) => ({ ...kind, ...span })))
  const counts = await Promise.all(filters.map((filter) => storage.count(filter)))
  const expected = filters.map((filter) => {
    const matches = compileFilter(filter)
    return visible.filter(({ event }) => matches(event)).length
  })
  expect(counts).toEqual(expected)
}

function spans(startMs: number): Pick<EventFilter, 'since' | 'until'>[] {
  const times = [undefined, ...EDGES.map((offset) => formatTimestamp(startMs + Math.max(offset, 0)))]
  return times.flatMap((since) =>
    times.flatMap((until) =>
      since !== undefined && until !== undefined && since > until
        ? []
        : [{ ...(since && { since }), ...(until && { until }) }],
    ),
  )
}
