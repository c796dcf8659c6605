import fc from 'fast-check'
import type { Extensions, ExtensionValue } from '../event/extensions.ts'
import type { JsonObject, JsonValue } from '../event/json.ts'
import { formatTimestamp } from '../event/timestamp.ts'
import type { EventFilter } from '../filter/filter.ts'
import type { RecordFields } from './record.ts'

/*
 * Events and filters of so few words that they match often. The words are difficult for adapters: prefixes of each other,
 * upper and lower case, accents, characters with a meaning in SQL, LIKE, GLOB, JSON and JSON paths, and edges of Unicode.
 */
const TYPES = [
  'scan',
  'scan.started',
  'scan.a.b',
  'scanner',
  'scan_x',
  'scanxx',
  'Scan',
  'Scan.started',
  'scan-x',
  'scan-x.y',
  'a',
  'a.b',
  '__proto__',
  '0',
]
const TYPE_PATTERNS = [...TYPES, 'scan.*', 'scan.a.*', 'a.*', 'scan_x.*', 'scan-x.*', 'Scan.*', '*']
const SOURCES = [
  'system',
  'plugin:',
  'plugin:a',
  'plugin:A',
  'plugin:a%',
  'plugin_a',
  "it's",
  '*',
  'a*b',
  'é',
  'e\u0301',
]
const EDGES = ['\u0000', 'a\u0000b', '\u{10ffff}', '\uffff', '\ue000', '😀', '[a]', '\\', '?', '"']
const TARGETS = ['', 'a', 'A', "'", '%', '\u0000']
const TAGS = ['a', 'A', 'b', 'ab', 'a,b', '"', '[', '%', '_', "it's", 'é', '\u0000', '\u{10ffff}']
/** Words of titles, messages and text filters: upper and lower case, patterns, a store's escape of a character. */
const WORDS = [
  '',
  'Scan',
  'scan Über',
  'übER',
  'ss',
  'SS',
  'ß',
  'ẞ',
  '50% a_b',
  '%',
  '_',
  'A.B*[c]\\',
  '.',
  'a\nb',
  '\u0000',
  'x\u00000',
  '0',
  '00',
  '\ufdd0',
  'fdd0',
  'Σς',
  'σ',
  'İi',
  'ıI',
  '\u212a',
  'k',
  '𐐀𐐨',
  '𐐨',
  'e\u0301',
  'é',
  '\u{10ffff}',
]
const KEYS = [
  'a',
  'A',
  'b',
  '',
  'a.b',
  '$',
  '"',
  "'",
  '0',
  'a[0]',
  '__proto__',
  'constructor',
  '\u0000',
  'é',
  '\ud800',
]
const SCALARS = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  0.1,
  1e21,
  2 ** 53,
  '',
  'a',
  '1',
  'true',
  'null',
  "'",
  'é',
  '\u0000',
  '\ud800',
]

const text = (words: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...words)
const source = text([...SOURCES, ...EDGES])
/** Times around the start of a minute, an hour and a day, and around 1970, which are boundaries of the kept counts. */
export const TIMES_MS: readonly number[] = [Date.UTC(2030, 0, 1), 0].flatMap((startMs) =>
  [-3_600_001, -60_001, -60_000, -1, 0, 1, 59_999, 60_000, 3_599_999, 3_600_000].map((ms) => startMs + ms),
)
const timeMs = fc.constantFrom(...TIMES_MS)

const { json } = fc.letrec<{ json: JsonValue }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: fc.constantFrom<JsonValue>(...SCALARS), weight: 3 },
    { arbitrary: fc.array(tie('json'), { maxLength: 3 }), weight: 1 },
    { arbitrary: fc.dictionary(text(KEYS), tie('json'), { maxKeys: 3 }), weight: 2 },
  ),
}))
const data: fc.Arbitrary<JsonObject> = fc.dictionary(text(KEYS), json, { maxKeys: 3 })

/** Extensions of few names and values, some of which have the same text in CloudEvents. */
const extensions: fc.Arbitrary<Extensions> = fc.dictionary(
  text(['a', 'b', 'constructor']),
  fc.constantFrom<ExtensionValue>('', 'x', 1, '1', true, 'true'),
  { minKeys: 1, maxKeys: 2, noNullPrototype: true },
)

const fields = {
  type: text(TYPES),
  source,
  target: text(TARGETS),
  title: text(WORDS),
  message: text(WORDS),
  priority: fc.constantFrom(0, 1, 5, 10, 100),
  tags: fc.array(text(TAGS), { maxLength: 4 }),
  timestamp: timeMs.map(formatTimestamp),
  data,
}
/** Fields of a record without an id. */
export const eventFields: fc.Arbitrary<RecordFields> = fc
  .tuple(fc.record(fields), fc.option(extensions, { nil: undefined }))
  .map(([event, extensions]) => ({ ...event, ...(extensions && { extensions }) }))

/** A time in any form that RFC 3339 allows. */
const filterTime = fc.tuple(timeMs, fc.integer({ min: -14 * 60, max: 14 * 60 }), fc.boolean()).map(writeTime)

function writeTime([ms, offsetMinutes, terse]: [number, number, boolean]): string {
  if (terse) return formatTimestamp(ms).toLowerCase()
  const clock = (minutes: number) =>
    [Math.trunc(minutes / 60), minutes % 60].map((n) => `${n}`.padStart(2, '0')).join(':')
  const local = formatTimestamp(ms + offsetMinutes * 60_000).slice(0, -1)
  return `${local}999${offsetMinutes < 0 ? '-' : '+'}${clock(Math.abs(offsetMinutes))}`
}

const conditions = {
  types: fc.array(text(TYPE_PATTERNS), { minLength: 1, maxLength: 3 }),
  sources: fc.array(
    fc.oneof(
      source,
      source.map((prefix) => `${prefix}*`),
    ),
    { minLength: 1, maxLength: 3 },
  ),
  tags: fc.array(text(TAGS), { minLength: 1, maxLength: 3 }),
  tagsMode: fc.constantFrom('any' as const, 'all' as const),
  minPriority: fc.constantFrom(0, 1, 5, 6, 100),
  target: text(TARGETS),
  extensions,
  data,
  text: text(WORDS.filter((word) => word !== '')),
  since: filterTime,
  until: filterTime,
}

/** Filters with few conditions, because those with many select nothing. */
export const filters: fc.Arbitrary<EventFilter> = fc
  .tuple(fc.record(conditions), fc.subarray(Object.keys(conditions), { maxLength: 3 }))
  .map(([filter, kept]) => Object.fromEntries(Object.entries(filter).filter(([name]) => kept.includes(name))))

/** Returns a part of the data, which containment must find: `bits` decide which keys and elements are left out. */
export function partOf(json: JsonObject, bits: readonly boolean[]): JsonObject {
  let next = 0
  const keep = () => bits[next++ % bits.length] ?? true
  const prune = (value: JsonValue): JsonValue => {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.filter(keep).map(prune)
    return Object.fromEntries(
      Object.entries(value)
        .filter(keep)
        .map(([key, part]) => [key, prune(part)]),
    )
  }
  return Object.fromEntries(
    Object.entries(json)
      .filter(keep)
      .map(([key, part]) => [key, prune(part)]),
  )
}
