import fc from 'fast-check'
import { expect } from 'vitest'
import type { PublishedEvent, StoredEvent } from '../event/event.ts'
import type { JsonValue } from '../event/json.ts'
import { formatTimestamp } from '../event/timestamp.ts'
import type { EventRecord, EventStorage } from '../storage/contract/storage.ts'
import { anyJsonObject } from './any-json.ts'
import type { ContractTests } from './contract-context.ts'
import { listAll, readToHead } from './reading.ts'
import { makeRecord, type RecordFields } from './record.ts'

const anyText = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  // 'binary' is every character, including NUL, controls and emoji, but no half of a surrogate pair.
  fc
    .string({ unit: 'binary', minLength, maxLength, size: 'medium' })
    .filter((text) => text.length <= maxLength)
const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/)
const MIN_MS = Date.UTC(2000, 0, 1) - 2_000 * 365.2425 * 86_400_000
const MAX_MS = Date.UTC(9999, 11, 31)

const required = {
  id: fc.stringMatching(/^[!-~]{8,128}$/),
  type: fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join('.')),
  source: anyText(1, 256),
  target: anyText(0, 256),
  title: anyText(0, 512),
  message: anyText(0, 2_000),
  data: anyJsonObject,
  priority: fc.integer({ min: 0, max: 100 }),
  tags: fc.array(anyText(1, 64), { maxLength: 32 }),
  timestamp: fc.integer({ min: MIN_MS, max: MAX_MS }).map(formatTimestamp),
}
const optional = {
  correlation_id: anyText(1, 128),
  causation_id: anyText(1, 128),
  traceparent: fc.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/),
}
const ttl = fc.option(fc.integer({ min: 1, max: 3_155_760_000_000 }), { nil: undefined })
const fields: fc.Arbitrary<RecordFields> = fc
  .tuple(fc.record(required), fc.record(optional, { requiredKeys: [] }), ttl)
  .map(([event, extra, ttl]) => ({
    ...event,
    ...extra,
    // An event with a TTL must still be visible.
    ...(ttl !== undefined && { ttl, timestamp: '2030-01-01T00:00:00.000Z' }),
  }))

export const roundTripTests: ContractTests = {
  'every field of every event is returned unchanged': async ({ storage }) => {
    const batches = fc.uniqueArray(fields, { minLength: 1, maxLength: 8, selector: (event) => event.id })
    const property = fc.asyncProperty(batches, async (list) => {
      await storage.clear()
      await expectRoundTrip(storage, list.map(makeRecord))
    })
    await fc.assert(property, { numRuns: 60 })
  },

  'omitted optional fields stay absent': async ({ storage }) => {
    await storage.append([makeRecord({ id: 'a' })])
    expect(Object.keys((await storage.get('a')) ?? {}).sort()).toEqual(
      [...Object.keys(required), 'position', 'recorded_at'].sort(),
    )
  },

  'empty strings, arrays and objects are not absent': async ({ storage }) => {
    const empty = { target: '', title: '', message: '', tags: [], data: {} }
    await storage.append([makeRecord({ id: 'a', ...empty })])
    expect(await storage.get('a')).toMatchObject(empty)
  },

  'keys of data keep their order': async ({ storage }) => {
    const text = '{"b":1,"a":{"z":1,"y":[{"n":1,"m":2}]},"__proto__":{"x":1},"B":2,"":3}'
    await storage.append([makeRecord({ id: 'a', data: JSON.parse(text) })])
    expect(JSON.stringify((await storage.get('a'))?.data)).toBe(text)
  },

  'data of a hundred levels is returned unchanged': async ({ storage }) => {
    let nested: JsonValue = 'the end'
    for (let level = 0; level < 99; level++) nested = level % 2 === 0 ? { level, nested } : [level, nested]
    await expectRoundTrip(storage, [makeRecord({ data: { nested } })])
  },

  'data of 200 KiB is returned unchanged': async ({ storage }) => {
    const list = Array.from({ length: 5_000 }, (_, i) => ({ index: i, name: `é😀 "${i}"`, ok: i % 2 === 0 }))
    const record = makeRecord({ data: { list } })
    expect(Buffer.byteLength(record.dataJson)).toBeGreaterThan(200 * 1024)
    await expectRoundTrip(storage, [record, makeRecord({ data: { text: '\u0000'.repeat(40_000) } })])
  },

  'the longest texts are returned unchanged': async ({ storage }) => {
    const longest = {
      id: '~'.repeat(128),
      type: 'a'.repeat(128),
      source: 's'.repeat(256),
      target: '😀'.repeat(128),
      title: 'é'.repeat(512),
      message: '\u0000'.repeat(8_192),
      tags: Array.from({ length: 32 }, (_, i) => `${i}`.padEnd(64, 'x')),
    }
    await expectRoundTrip(storage, [makeRecord(longest)])
  },
}

async function expectRoundTrip(storage: EventStorage, batch: readonly EventRecord[]): Promise<void> {
  const { recordedAt, receipts } = await storage.append(batch)
  const expected = batch.map(({ event }, index) => {
    return { ...event, position: receipts[index]?.position ?? 0, recorded_at: recordedAt }
  })
  expectSame(await listAll(storage), expected)
  expectSame(await readToHead(storage), expected)
  const found = await Promise.all(batch.map(({ event }) => storage.get(event.id)))
  expectSame(found, expected)
}

/** Compares the data as text, which distinguishes orders of keys, `__proto__` and lone surrogates. */
function expectSame(actual: readonly (StoredEvent | undefined)[], expected: readonly PublishedEvent[]): void {
  const withText = (event: PublishedEvent | undefined) => ({ ...event, data: JSON.stringify(event?.data) })
  expect(actual.map(withText)).toStrictEqual(expected.map(withText))
}
