import type { JsonObject } from '../event/json.ts'
import type { FilterCase } from './filter-cases.ts'
import type { RecordFields } from './record.ts'

const numbered = (count: number, name: (number: number) => string) =>
  Array.from({ length: count }, (_, index) => name(index))

/** Returns a string of a given length, different for each number. */
const long = (length: number, number: number) => String(number).padStart(length, 'x')

const first = (field: 'type' | 'source', values: readonly string[]): RecordFields[] =>
  [0, 499, 999].map((index) => ({ [field]: values[index] ?? '' }))

const TYPES = numbered(1_000, (number) => `t${number}.${long(120, number)}`)
const SOURCES = numbered(1_000, (number) => long(256, number))
const TAGS = numbered(32, (number) => long(64, number))
const VALUES = Object.fromEntries(numbered(1_000, (number) => `key ${number}`).map((key) => [key, key]))
const NESTED = numbered(98, (number) => `key ${number}`).reduceRight<JsonObject>(
  (inner, key) => ({ [key]: inner }),
  { end: true },
)
const TEXT = 'aé%'.repeat(86).slice(0, 256)

/** Filters at each of their limits. */
export const LIMIT_CASES: Readonly<Record<string, FilterCase>> = {
  '1,000 types of the maximum length': {
    filter: { types: TYPES },
    selects: first('type', TYPES),
    leaves: [{ type: 't1' }, { type: 't0.x' }],
  },
  '1,000 type wildcards': {
    filter: { types: numbered(1_000, (number) => `t${number}.*`) },
    selects: first('type', TYPES),
    leaves: [{ type: 't1' }, { type: 'u.t1.x' }, { type: 't1000.x' }],
  },
  '1,000 sources of the maximum length': {
    filter: { sources: SOURCES },
    selects: first('source', SOURCES),
    leaves: [{ source: 'x' }, { source: long(256, 1_000) }],
  },
  '1,000 prefixes of sources': {
    filter: { sources: numbered(1_000, (number) => `s${number}é:*`) },
    selects: [{ source: 's0é:' }, { source: 's499é:a' }, { source: 's999é:😀' }],
    leaves: [{ source: 's1' }, { source: 'S1é:' }, { source: 's1000é:' }],
  },
  '1,000 sources, some of them prefixes or with unusual characters': {
    filter: {
      sources: [
        ...numbered(500, (number) => `s${number}`),
        ...numbered(497, (number) => `p${number}:*`),
        'nul\u0000',
        'quote"\\',
        'nul\u0000:*',
      ],
    },
    selects: [
      { source: 's0' },
      { source: 's499' },
      { source: 'p0:' },
      { source: 'p496:x' },
      { source: 'nul\u0000' },
      { source: 'quote"\\' },
      { source: 'nul\u0000:x' },
    ],
    leaves: [{ source: 's500' }, { source: 'p497:' }, { source: 'nul' }, { source: 'nul\u0000x' }],
  },
  '1,000 types with 1,000 sources': {
    filter: { types: TYPES, sources: SOURCES },
    selects: [{ type: TYPES[999] ?? '', source: SOURCES[999] ?? '' }],
    leaves: [{ type: TYPES[999] ?? '' }, { source: SOURCES[999] ?? '' }],
  },
  'any of 32 tags of the maximum length': {
    filter: { tags: TAGS },
    selects: [{ tags: TAGS.slice(-1) }, { tags: ['x', TAGS[0] ?? ''] }],
    leaves: [{}, { tags: ['x'] }],
  },
  'all of 32 tags of the maximum length': {
    filter: { tags: TAGS, tagsMode: 'all' },
    selects: [{ tags: TAGS }, { tags: TAGS.toReversed() }],
    leaves: [{ tags: TAGS.slice(1) }, { tags: ['x'] }],
  },
  '1,000 values of data': {
    filter: { data: VALUES },
    selects: [{ data: VALUES }, { data: { more: 1, ...VALUES } }],
    leaves: [{ data: { ...VALUES, 'key 999': 1 } }, { data: { 'key 0': 'key 0' } }],
  },
  '1,000 values of data in an array': {
    filter: { data: { list: numbered(999, String) } },
    selects: [{ data: { list: numbered(1_000, String) } }],
    leaves: [{ data: { list: numbered(998, String) } }],
  },
  'data 100 levels deep': {
    filter: { data: { NESTED } },
    selects: [{ data: { NESTED, more: 1 } }],
    leaves: [{ data: { other: NESTED } }],
  },
  'a text of 256 characters': {
    filter: { text: TEXT },
    selects: [{ title: `x${TEXT}`.slice(0, 512) }, { message: `x${TEXT.toUpperCase()}y` }],
    leaves: [{ title: TEXT.slice(1) }, { message: `${TEXT.slice(0, -1)}x` }],
  },
  'a target of 256 characters': {
    filter: { target: long(256, 1) },
    selects: [{ target: long(256, 1) }],
    leaves: [{ target: long(256, 2) }, { target: long(255, 1) }],
  },
}
