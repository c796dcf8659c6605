import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventsError, type Issue } from '../../src/errors.ts'
import { compileFilter } from '../../src/filter/filter.ts'
import { validateFilter } from '../../src/filter/validate.ts'
import { eventFields, filters } from '../../src/testing/arbitraries.ts'
import { makeRecord } from '../../src/testing/record.ts'

function issuesOf(filter: unknown): readonly Issue[] {
  try {
    validateFilter(filter)
  } catch (error) {
    if (error instanceof EventsError && error.code === 'EVENTS_INVALID') return error.issues
    throw error
  }
  return []
}

function nested(levels: number): unknown {
  return levels === 1 ? {} : { inner: nested(levels - 1) }
}

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic

describe('validateFilter', () => {
  test.each<[string, unknown]>([
    ['the empty filter', {}],
    ['a filter without a prototype', Object.assign(Object.create(null), { target: '' })],
    ['types', { types: ['a', 'a.b_2.c', 'scan.*', '*', '0', 'Com.pull-request.*', '-', 'a'.repeat(128)] }],
    ['sources', { sources: ['*', 'plugin:*', 'a*b', ' ', '%', 'x'.repeat(256)] }],
    ['tags', { tags: Array.from({ length: 32 }, (_, index) => `${index}`.padEnd(64)), tagsMode: 'all' }],
    ['a mode without tags', { tagsMode: 'any' }],
    ['the lowest priority', { minPriority: 0 }],
    ['the highest priority', { minPriority: 100 }],
    ['targets', { target: 'x'.repeat(256) }],
    ['text', { text: 'x'.repeat(256) }],
    [
      'extensions',
      { extensions: { partitionkey: 'a', sequence: 5, last: false, dataschema: 'urn:a', empty: '' } },
    ],
    ['data of a hundred levels', { data: nested(100) }],
    ['data of a thousand values', { data: { list: Array.from({ length: 999 }, () => 0) } }],
    ['lone surrogates in data', { data: { '\ud800': '\udfff' } }],
  ])('accepts %s', (_, filter) => {
    expect(issuesOf(filter)).toEqual([])
    expect(validateFilter(filter)).toEqual(filter)
  })

  test.each<[string, RegExp, unknown]>([
    ['', /must be an object, not null/, null],
    ['', /must be an object/, undefined],
    ['', /must be an object, not 'scan.\*'/, 'scan.*'],
    ['', /must be an object, not an array/, ['scan']],
    ['type', /is not a filter condition; the conditions are types, sources/, { type: 'scan' }],
    ['__proto__', /is not a filter condition/, JSON.parse('{"__proto__":{}}')],
    ['constructor', /is not a filter condition/, { constructor: 1 }],
    ['types', /must be an array of strings, not 'scan'/, { types: 'scan' }],
    ['types', /must name at least one/, { types: [] }],
    ['types.1', /must be an event type.*not 'A b'/, { types: ['a', 'A b'] }],
    ['types.0', /must be an event type/, { types: [''] }],
    ['types.0', /must be an event type/, { types: ['a.'] }],
    ['types.0', /must be an event type/, { types: ['a..b'] }],
    ['types.0', /must be an event type/, { types: ['.*'] }],
    ['types.0', /must be an event type/, { types: ['*.a'] }],
    ['types.0', /must be an event type/, { types: ['a*'] }],
    ['types.0', /must be an event type/, { types: ['a.*.b'] }],
    ['types.0', /must be an event type/, { types: ['a.**'] }],
    ['types.0', /must be an event type/, { types: ['**'] }],
    ['types.0', /must be an event type/, { types: ['a\n'] }],
    ['types.0', /must be an event type/, { types: ['a+b'] }],
    ['types.0', /must be an event type.*129 characters/, { types: ['a'.repeat(129)] }],
    ['types.0', /must be an event type/, { types: [1] }],
    ['types', /must name at most 1000, not 1001/, { types: Array.from({ length: 1001 }, () => 'a') }],
    ['text', /1 to 256/, { text: '' }],
    ['text', /1 to 256/, { text: 'x'.repeat(257) }],
    ['sources', /must name at least one/, { sources: [] }],
    ['sources.1', /1 to 256 characters/, { sources: ['a', ''] }],
    ['sources.0', /1 to 256 characters/, { sources: ['x'.repeat(257)] }],
    ['sources.0', /half of a surrogate pair/, { sources: ['\ud800*'] }],
    ['tags', /must name at least one/, { tags: [] }],
    ['tags.0', /1 to 64 characters/, { tags: [''] }],
    ['tags.0', /1 to 64 characters/, { tags: ['x'.repeat(65)] }],
    ['tags.0', /1 to 64 characters, not null/, { tags: [null] }],
    ['tags', /must name at most 32/, { tags: Array.from({ length: 33 }, () => 'a') }],
    // biome-ignore lint/suspicious/noSparseArray: the hole is under test
    ['tags.1', /1 to 64 characters/, { tags: ['a', , 'b'] }],
    ['tagsMode', /must be one of 'any', 'all'/, { tagsMode: 'some' }],
    ['minPriority', /must be an integer from 0 to 100/, { minPriority: '5' }],
    ['minPriority', /must be an integer from 0 to 100/, { minPriority: -1 }],
    ['minPriority', /must be an integer from 0 to 100/, { minPriority: 101 }],
    ['minPriority', /must be an integer from 0 to 100/, { minPriority: 1.5 }],
    ['minPriority', /must be an integer from 0 to 100/, { minPriority: Number.NaN }],
    ['target', /must be a string of at most 256 characters, not null/, { target: null }],
    ['target', /must be a string of at most 256 characters/, { target: 'x'.repeat(257) }],
    ['target', /half of a surrogate pair/, { target: '\udc00' }],
    ['data', /must be a plain JSON object/, { data: [] }],
    ['data', /must be a plain JSON object/, { data: 'x' }],
    ['data.a.b', /must be a finite number/, { data: { a: { b: Number.NaN } } }],
    ['data.a.1', /must be a JSON value/, { data: { a: [1, new Date(0)] } }],
    ['data.a', /must be a JSON value/, { data: { a: () => 1 } }],
    ['data.a', /must be a JSON value/, { data: { a: 1n } }],
    ['data.self', /must not contain itself/, { data: cyclic }],
    [`data${'.inner'.repeat(100)}`, /nested deeper than 100/, { data: nested(101) }],
    ['data', /at most 1000 values, not 1001/, { data: { list: Array.from({ length: 1000 }, () => 0) } }],
    ['extensions', /must be an object, not an array/, { extensions: [] }],
    ['extensions', /must name at least one/, { extensions: {} }],
    ['extensions.subject', /carries the event's field target/, { extensions: { subject: 'a' } }],
    ['extensions.a', /a boolean or a 32-bit integer/, { extensions: { a: null } }],
    ['since', /must be an RFC 3339 time/, { since: 'now' }],
    ['until', /must be an RFC 3339 time/, { until: '2023-02-30T00:00:00Z' }],
    ['until', /must be an RFC 3339 time/, { until: 0 }],
    ['since', /must be an RFC 3339 time/, { since: new Date(0) }],
    [
      'until',
      /must not be before since/,
      { since: '2030-01-01T00:00:00.001Z', until: '2030-01-01T01:00:00+01:00' },
    ],
  ])('rejects at %s: %s', (path, message, filter) => {
    const issues = issuesOf(filter)
    expect(issues).toHaveLength(1)
    expect(issues[0]?.path).toBe(path)
    expect(issues[0]?.message).toMatch(message)
  })

  test('lists every violation', () => {
    const issues = issuesOf({ types: ['A!', 'b', 'C!'], sources: [''], colour: 'red', minPriority: 1000 })
    expect(issues.map((issue) => issue.path)).toEqual([
      'types.0',
      'types.2',
      'sources.0',
      'colour',
      'minPriority',
    ])
  })

  test('an undefined condition counts as absent', () => {
    const filter = validateFilter({ types: undefined, data: { a: undefined, b: 1 }, since: undefined })
    expect(filter).toStrictEqual({ data: { b: 1 } })
  })

  test('times are returned in UTC with milliseconds', () => {
    expect(
      validateFilter({ since: '2030-01-01T02:00:00+02:00', until: '2030-01-01t00:00:00.00199z' }),
    ).toStrictEqual({ since: '2030-01-01T00:00:00.000Z', until: '2030-01-01T00:00:00.001Z' })
  })

  test('later changes to the input have no effect', () => {
    const given = { types: ['a'], tags: ['t'], data: { list: [1] } }
    const filter = validateFilter(given)
    given.types.push('b')
    given.tags.push('u')
    given.data.list.push(2)
    expect(filter).toStrictEqual({ types: ['a'], tags: ['t'], data: { list: [1] } })
  })

  test('the copy selects what the original selects', () => {
    fc.assert(
      fc.property(eventFields, filters, (fields, filter) => {
        fc.pre(issuesOf(filter).length === 0)
        const { event } = makeRecord(fields)
        expect(compileFilter(validateFilter(filter))(event)).toBe(compileFilter(filter)(event))
      }),
      { numRuns: 500 },
    )
  })
})
