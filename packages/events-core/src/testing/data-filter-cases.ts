import type { JsonObject } from '../event/json.ts'
import type { FilterCase } from './filter-cases.ts'

/** Cases by name: a filter on `data`, with data that it selects and data that it does not. */
export const DATA_CASES: Readonly<Record<string, FilterCase>> = {
  'all data contains the empty object': contained({}, [{}, { a: 1 }], []),
  'a key must be present with its value, beside any others': contained(
    { a: 1 },
    [{ a: 1 }, { b: 2, a: 1 }],
    [{}, { a: 2 }, { A: 1 }, { b: { a: 1 } }, { a: [1] }, { a: '1' }, { a: true }, { a: null }],
  ),
  'numbers are equal by value': contained(
    { n: 1.0, big: 9007199254740992, small: 5e-324, zero: 0 },
    [{ n: 1, big: 2 ** 53, small: 5e-324, zero: 0 }],
    [
      { n: 1, big: 2 ** 53 - 1, small: 5e-324, zero: 0 },
      { n: 1, big: 2 ** 53, small: 0, zero: 0 },
      { n: 1.5, big: 2 ** 53, small: 5e-324, zero: 0 },
      { n: 1, big: 2 ** 53, small: 5e-324, zero: false },
    ],
  ),
  'the largest numbers are compared exactly': contained(
    { n: 1e308 },
    [{ n: 1e308 }],
    [{ n: 1.1e308 }, { n: 1e307 }],
  ),
  'true is not 1, and false is not 0': contained(
    { yes: true, no: false },
    [{ yes: true, no: false }],
    [
      { yes: 1, no: 0 },
      { yes: 'true', no: 'false' },
      { yes: true, no: null },
      { yes: false, no: true },
    ],
  ),
  'null is a value, not an absent key': contained(
    { a: null },
    [{ a: null }],
    [{}, { a: 0 }, { a: '' }, { a: 'null' }, { a: [] }, { a: {} }],
  ),
  'strings are equal only if all characters are': contained(
    { s: "it's é😀" },
    [{ s: "it's é😀" }],
    [{ s: "It's é😀" }, { s: "it's e\u0301😀" }, { s: "it's é" }, { s: ["it's é😀"] }],
  ),
  'the empty string is a value': contained({ s: '' }, [{ s: '' }], [{}, { s: ' ' }, { s: null }]),
  'NUL and lone surrogates are characters': contained(
    { a: 'x\u0000y', b: '\ud800' },
    [{ a: 'x\u0000y', b: '\ud800' }],
    [
      { a: 'x', b: '\ud800' },
      { a: 'x\u0000z', b: '\ud800' },
      { a: 'x\u0000y', b: '\udfff' },
      { a: 'x\u0000y', b: '\ufffd' },
    ],
  ),
  'nested objects contain nested objects': contained(
    { a: { b: { c: 1 } } },
    [{ a: { b: { c: 1 } } }, { a: { x: 0, b: { c: 1, d: 2 } }, e: 3 }],
    [
      { a: { b: 1 } },
      { a: { c: 1 } },
      { b: { c: 1 } },
      { a: { b: [{ c: 1 }] } },
      { 'a.b': { c: 1 } },
      { 'a.b.c': 1 },
    ],
  ),
  'every object contains the empty object, and no array does': contained(
    { a: {} },
    [{ a: {} }, { a: { b: 1 } }],
    [{}, { a: [] }, { a: null }, { a: 1 }, { a: '{}' }],
  ),
  'every array contains the empty array, and no object does': contained(
    { a: [] },
    [{ a: [] }, { a: [1] }, { a: [[]] }],
    [{}, { a: {} }, { a: null }, { a: '[]' }],
  ),
  'an array must contain each requested element, in any order and number': contained(
    { a: [1, 'x', 1] },
    [{ a: ['x', 1] }, { a: [0, 1, 'x', null] }],
    [{ a: [1] }, { a: ['x'] }, { a: 1 }, { a: [[1, 'x']] }, { a: ['1', 'x'] }, { a: { 0: 1, 1: 'x' } }],
  ),
  'an element may contain more than requested, and may match several requested elements': contained(
    { a: [{ b: 1 }, { c: 2 }] },
    [{ a: [{ b: 1, c: 2 }] }, { a: [{ c: 2, d: 3 }, 0, { b: 1 }] }],
    [{ a: [{ b: 1 }] }, { a: [{ b: 2, c: 1 }] }, { a: { b: 1, c: 2 } }],
  ),
  'nested arrays are matched level by level': contained(
    { a: [[1], [2, 3]] },
    [{ a: [[3, 2, 1]] }, { a: [[1, 9], [3, 2], 4] }],
    [{ a: [1, 2, 3] }, { a: [[1], [2], [3]] }, { a: [[[1], [2, 3]]] }],
  ),
  'null is an element like others': contained(
    { a: [null] },
    [{ a: [null] }, { a: [1, null] }],
    [{ a: [] }, { a: [0] }],
  ),
  'dots, quotes, brackets and dollars in keys stand for themselves': contained(
    { 'a.b': 1, '"q"': 2, "it's": 3, $: 4, '$.a': 5, 'c[0]': 6, '#-1': 7, '\\': 8, '*': 9 },
    [{ 'a.b': 1, '"q"': 2, "it's": 3, $: 4, '$.a': 5, 'c[0]': 6, '#-1': 7, '\\': 8, '*': 9 }],
    [
      { a: { b: 1 }, q: 2, its: 3, $: 4, 'c[0]': 6 },
      { 'a.b': 1, '"q"': 2, "it's": 3, $: 4, '$.a': 5, c: [6], '#-1': 7, '\\': 8, '*': 9 },
    ],
  ),
  'the empty key and keys of white space are keys': contained(
    { '': 1, ' ': 2, '\n': 3, '\u0000': 4 },
    [{ '': 1, ' ': 2, '\n': 3, '\u0000': 4 }],
    [
      { ' ': 2, '\n': 3, '\u0000': 4 },
      { '': 1, '\n': 3, '\u0000': 4 },
      { '': 1, ' ': 2, '\n': 3 },
    ],
  ),
  'keys of digits are keys, not array indexes': contained(
    { 0: 'x' },
    [{ 0: 'x', 1: 'y' }],
    [{ 1: 'x' }, { '00': 'x' }],
  ),
  'names with a meaning in JavaScript are ordinary keys': contained(
    jsonOf('{"__proto__":{"a":1},"constructor":1}'),
    [jsonOf('{"constructor":1,"__proto__":{"a":1,"b":2}}')],
    [
      {},
      { a: 1 },
      { constructor: 1 },
      jsonOf('{"__proto__":{"a":1}}'),
      jsonOf('{"__proto__":{},"constructor":1}'),
    ],
  ),
  'no data contains what every JavaScript object inherits': contained(
    jsonOf('{"__proto__":{}}'),
    [jsonOf('{"__proto__":{}}')],
    [{}, { __proto: {} }, { toString: {} }],
  ),
}

function contained(
  data: JsonObject,
  selects: readonly JsonObject[],
  leaves: readonly JsonObject[],
): FilterCase {
  return {
    filter: { data },
    selects: selects.map((chosen) => ({ data: chosen })),
    leaves: leaves.map((left) => ({ data: left })),
  }
}

/** Parses JSON, since a literal cannot have `__proto__` as an own key. */
function jsonOf(text: string): JsonObject {
  return JSON.parse(text)
}
