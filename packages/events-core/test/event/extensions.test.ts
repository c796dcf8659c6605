import { expect, test } from 'vitest'
import type { Issue } from '../../src/errors.ts'
import { copyExtensions, type Extensions } from '../../src/event/extensions.ts'

function copied(value: unknown): { copy: Extensions | undefined; issues: readonly string[] } {
  const issues: Issue[] = []
  const copy = copyExtensions(value, 'extensions', issues)
  return { copy, issues: issues.map(({ path, message }) => `${path} ${message}`) }
}

test('extension attributes are copied and frozen, up to the greatest size', () => {
  const many = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`name${index}`, index]))
  for (const given of [
    {
      partitionkey: 'a',
      dataschema: 'https://example.com/s',
      sequence: -(2 ** 31),
      last: true,
      constructor: '',
    },
    { text: '\uffff'.repeat(1_024), ['x'.repeat(20)]: 2 ** 31 - 1 },
    many,
  ]) {
    const { copy, issues } = copied(given)
    expect(issues).toEqual([])
    expect(copy).toStrictEqual(given)
    expect(copy).not.toBe(given)
    expect(Object.isFrozen(copy)).toBe(true)
  }
})

test('an empty object and undefined attributes count as absent', () => {
  expect(copied({})).toEqual({ copy: undefined, issues: [] })
  expect(copied({ a: undefined })).toEqual({ copy: undefined, issues: [] })
  expect(copied({ a: undefined, b: -0 })).toStrictEqual({ copy: { b: 0 }, issues: [] })
})

test.each<[string, unknown, RegExp]>([
  ['an array', [], /^extensions must be an object, not an array/],
  ['a text', 'a', /^extensions must be an object/],
  ['null', null, /^extensions must be an object/],
  [
    '33 of them',
    Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`n${index}`, 1])),
    /at most 32, not 33/,
  ],
  ['an upper-case name', { Name: 1 }, /^extensions\.Name must have a name of 1 to 20 lower-case/],
  ['an empty name', { '': 1 }, /must have a name/],
  ['a name of 21 characters', { ['x'.repeat(21)]: 1 }, /must have a name/],
  ['a name with an underscore', { a_b: 1 }, /must have a name/],
  ['a name with a line break', { 'a\n': 1 }, /must have a name/],
  ['an attribute of every CloudEvent', { specversion: '1.0' }, /every CloudEvent has/],
  ['the type of its data', { datacontenttype: 'text/plain' }, /every CloudEvent has/],
  ['the id', { id: 'a' }, /carries the event's field id/],
  ['the subject', { subject: 'a' }, /carries the event's field target/],
  ['the correlation', { correlationid: 'a' }, /carries the event's field correlation_id/],
  ['the position', { position: '1' }, /carries the event's field position/],
  [
    'null as a value',
    { a: null },
    /^extensions\.a must be a string of at most 1024 characters, a boolean or/,
  ],
  ['an object', { a: {} }, /a boolean or a 32-bit integer, not a value of type object/],
  ['a fraction', { a: 1.5 }, /must be an integer/],
  ['a large number', { a: 2 ** 31 }, /must be an integer from -2147483648 to 2147483647/],
  ['no number', { a: Number.NaN }, /must be an integer/],
  ['a long text', { a: 'x'.repeat(1_025) }, /at most 1024 characters/],
  ['half of a surrogate pair', { a: '\ud800' }, /half of a surrogate pair/],
  [
    'a schema that is a number',
    { dataschema: 5 },
    /dataschema must be a string of 1 to 1024 characters, not 5/,
  ],
  ['an empty schema', { dataschema: '' }, /must be a string of 1 to 1024 characters/],
])('rejects %s', (_, given, problem) => {
  const { copy, issues } = copied(given)
  expect(copy).toBeUndefined()
  expect(issues).toHaveLength(1)
  expect(issues[0]).toMatch(problem)
})

test('every violation is reported', () => {
  expect(copied({ A: 1, id: 'a', b: null, fine: 1 }).issues).toHaveLength(3)
})

test('of too many, only their number is reported', () => {
  const wrong = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`N${index}`, null]))
  expect(copied(wrong).issues.filter((issue) => /at most 32, not 1000/.test(issue))).toHaveLength(1)
  expect(copied(wrong).issues).toHaveLength(33)
})
