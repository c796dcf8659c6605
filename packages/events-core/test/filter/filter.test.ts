import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventsError } from '../../src/errors.ts'
import {
  compileFilter,
  compileResidual,
  compileTypes,
  containsJson,
  type EventFilter,
} from '../../src/filter/filter.ts'
import { eventFields, filters, partOf } from '../../src/testing/arbitraries.ts'
import { DATA_CASES } from '../../src/testing/data-filter-cases.ts'
import { FIELD_CASES } from '../../src/testing/filter-cases.ts'
import { makeRecord } from '../../src/testing/record.ts'
import { TEXT_CASES } from '../../src/testing/text-filter-cases.ts'

const CASES = Object.entries({ ...FIELD_CASES, ...DATA_CASES, ...TEXT_CASES })

describe('compileFilter', () => {
  test.each(CASES)('%s', (_, { filter, selects, leaves }) => {
    const matches = compileFilter(filter)
    expect(selects.filter((fields) => !matches(makeRecord(fields).event))).toEqual([])
    expect(leaves.filter((fields) => matches(makeRecord(fields).event))).toEqual([])
  })

  test('an expired event matches like any other: filters ignore expiry', () => {
    const { event } = makeRecord({ ttl: 1, timestamp: '2000-01-01T00:00:00Z' })
    expect(compileFilter({ types: ['test.*'] })(event)).toBe(true)
  })

  test('an invalid time is rejected', () => {
    expect(() => compileFilter({ since: 'yesterday' })).toThrow(EventsError)
    expect(() => compileFilter({ until: '2023-02-30T00:00:00Z' })).toThrow('until must be an RFC 3339 time')
  })
})

describe('compileTypes and compileResidual', () => {
  test('together mean the same as the whole filter', () => {
    fc.assert(
      fc.property(eventFields, filters, (fields, filter) => {
        const { event } = makeRecord(fields)
        const residual = compileResidual(filter)
        const halves = compileTypes(filter.types)(event.type) && (residual === undefined || residual(event))
        expect(compileFilter(filter)(event)).toBe(halves)
      }),
      { numRuns: 500 },
    )
  })

  test.each<[readonly string[] | undefined, string, boolean]>([
    [undefined, 'a', true],
    [['*'], 'a.b', true],
    [['x', '*'], 'a.b', true],
    [['a'], 'a', true],
    [['a'], 'a.b', false],
    [['a.*'], 'a', false],
    [['a.*'], 'a.b.c', true],
    [['a.*'], 'ab', false],
    [['b', 'a.*', 'c'], 'c', true],
    [['__proto__'], 'constructor', false],
  ])('%j against %s is %s', (types, type, expected) => {
    expect(compileTypes(types)(type)).toBe(expected)
  })

  test('nothing is left of a filter that has only types', () => {
    expect(compileResidual({})).toBeUndefined()
    expect(compileResidual({ types: ['a'] })).toBeUndefined()
    expect(compileResidual({ types: ['a'], tagsMode: 'all' })).toBeUndefined()
    for (const filter of ONE_CONDITION_EACH) expect(compileResidual(filter)).toBeTypeOf('function')
  })
})

const ONE_CONDITION_EACH: EventFilter[] = [
  { sources: ['*'] },
  { tags: ['a'] },
  { minPriority: 0 },
  { target: '' },
  { data: {} },
  { since: '2030-01-01T00:00:00Z' },
  { until: '2030-01-01T00:00:00Z' },
]

describe('containsJson', () => {
  // The examples of PostgreSQL's manual, section 8.14.3, except for the one special case that is left out.
  test.each([
    ['"foo"', '"foo"', true],
    ['[1, 2, 3]', '[1, 3]', true],
    ['[1, 2, 3]', '[3, 1]', true],
    ['[1, 2, 3]', '[1, 2, 2]', true],
    ['{"product": "PostgreSQL", "version": 9.4, "jsonb": true}', '{"version": 9.4}', true],
    ['[1, 2, [1, 3]]', '[1, 3]', false],
    ['[1, 2, [1, 3]]', '[[1, 3]]', true],
    ['{"foo": {"bar": "baz"}}', '{"bar": "baz"}', false],
    ['{"foo": {"bar": "baz"}}', '{"foo": {}}', true],
    ['"bar"', '["bar"]', false],
    ['["foo", "bar"]', '"bar"', false],
    ['null', 'null', true],
    ['{}', '[]', false],
    ['[]', '{}', false],
  ])('%s contains %s: %s', (value, part, expected) => {
    expect(containsJson(JSON.parse(value), JSON.parse(part))).toBe(expected)
  })

  test('all data contains itself and each part of itself, and a part contains the whole only if it is the whole', () => {
    const bits = fc.array(fc.boolean(), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(eventFields, bits, ({ data = {} }, choice) => {
        const part = partOf(data, choice)
        expect(containsJson(data, data)).toBe(true)
        expect(containsJson(data, part)).toBe(true)
        const extra = { ...data, 'not there': 1 }
        expect(containsJson(data, extra)).toBe(false)
      }),
    )
  })
})
