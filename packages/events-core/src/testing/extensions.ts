import fc from 'fast-check'
import { expect } from 'vitest'
import type { Extensions, ExtensionValue } from '../event/extensions.ts'
import { compileFilter } from '../filter/filter.ts'
import type { ContractTests } from './contract-context.ts'
import { makeFailure } from './failure.ts'
import type { FilterCase } from './filter-cases.ts'
import { expectSelection } from './filters.ts'
import { park } from './holder.ts'
import { idsOf, listAll, readToHead } from './reading.ts'
import { makeRecord, type RecordFields } from './record.ts'

type Tests = ContractTests

const having = (...list: Extensions[]): RecordFields[] => list.map((extensions) => ({ extensions }))

/** The maximum number of extensions, with names and values at their limits. */
const LARGEST: Extensions = Object.fromEntries(
  Array.from({ length: 32 }, (_, index) => [
    `${index}`.padEnd(20, 'x'),
    index % 2 === 0
      ? '\uffff'.repeat(1_024)
      : (-1) ** ((index - 1) / 2) * 2 ** 31 - (index % 4 === 1 ? 1 : 0),
  ]),
)

const CASES: Readonly<Record<string, FilterCase>> = {
  'an extension selects the events that have it with that value': {
    filter: { extensions: { partitionkey: 'a' } },
    selects: having({ partitionkey: 'a' }, { partitionkey: 'a', other: 'b' }),
    leaves: [
      {},
      ...having({ partitionkey: 'A' }, { partitionkey: '' }, { other: 'a' }, { partitionkey: 'a ' }),
    ],
  },
  'all of several extensions must match': {
    filter: { extensions: { a: 'x', b: true } },
    selects: having({ a: 'x', b: true }, { b: true, a: 'x', c: 1 }),
    leaves: having({ a: 'x' }, { b: true }, { a: 'x', b: false }),
  },
  'a value matches in the form that CloudEvents writes': {
    filter: { extensions: { sequence: '5', done: 'true' } },
    selects: having(
      { sequence: 5, done: true },
      { sequence: '5', done: 'true' },
      { sequence: 5, done: 'true' },
    ),
    leaves: having({ sequence: 50, done: true }, { sequence: '05', done: true }, { sequence: 5, done: 1 }),
  },
  'a number and a boolean match their texts': {
    filter: { extensions: { a: -7, b: false } },
    selects: having({ a: -7, b: false }, { a: '-7', b: 'false' }),
    leaves: having({ a: 7, b: false }, { a: '-7.0', b: 'false' }, { a: -7, b: 0 }, { a: -7, b: '' }),
  },
  '1 and true differ, and so do 0 and false': {
    filter: { extensions: { a: 1, b: 0 } },
    selects: having({ a: 1, b: 0 }, { a: '1', b: '0' }),
    leaves: having({ a: true, b: 0 }, { a: 1, b: false }, { a: 'true', b: 'false' }),
  },
  'texts have no wildcards and respect case': {
    filter: { extensions: { a: '50%_"\\\'é\u0000😀', b: '' } },
    selects: having({ a: '50%_"\\\'é\u0000😀', b: '' }),
    leaves: having(
      { a: '50xy"\\\'é\u0000😀', b: '' },
      { a: '50%_"\\\'é', b: '' },
      { a: '50%_"\\\'é\u0000😀' },
    ),
  },
  'a name that every object inherits matches only events that have it': {
    filter: { extensions: { constructor: String(Object) } },
    selects: having({ constructor: String(Object) }),
    leaves: [{}, ...having({ a: 'a' })],
  },
  'extensions within data do not count': {
    filter: { extensions: { a: 'x' } },
    selects: having({ a: 'x' }),
    leaves: [{ data: { a: 'x', extensions: { a: 'x' } } }],
  },
  'other conditions apply beside extensions': {
    filter: { extensions: { a: 'x' }, types: ['a.*'], tags: ['t'], minPriority: 5, sources: ['s*'] },
    selects: [{ extensions: { a: 'x' }, type: 'a.b', tags: ['t'], source: 's' }],
    leaves: [
      { extensions: { a: 'x' }, type: 'b', tags: ['t'], source: 's' },
      { extensions: { a: 'x' }, type: 'a.b', source: 's' },
      { type: 'a.b', tags: ['t'], source: 's' },
    ],
  },
  'the largest extensions can be selected': {
    filter: { extensions: LARGEST },
    selects: having(LARGEST),
    leaves: having({ ...LARGEST, ['0'.padEnd(20, 'x')]: 'x' }),
  },
}

const value: fc.Arbitrary<ExtensionValue> = fc.constantFrom<ExtensionValue>(
  '',
  'a',
  'A',
  '1',
  'true',
  '"',
  'é\u0000',
  '\ufdd0',
  0,
  1,
  -1,
  2 ** 31 - 1,
  -(2 ** 31),
  true,
  false,
)
const extensions: fc.Arbitrary<Extensions> = fc.dictionary(
  fc.constantFrom('a', 'b', '0', 'constructor', 'dataschema', 'partitionkey0000000'),
  value,
  { minKeys: 1, maxKeys: 3, noNullPrototype: true },
)
const batches = fc.array(fc.option(extensions, { nil: undefined }), { minLength: 1, maxLength: 12 })

const keeping: Tests = {
  'extensions are returned unchanged, and stay absent if there were none': async ({ storage }) => {
    const property = fc.asyncProperty(batches, async (list) => {
      await storage.clear()
      await storage.append(list.map((each) => makeRecord(each && { extensions: each })))
      const stored = await listAll(storage)
      expect(stored.map((event) => event.extensions)).toStrictEqual(list)
      expect(stored.map((event) => 'extensions' in event)).toEqual(list.map((each) => each !== undefined))
      expect((await readToHead(storage)).map((event) => event.extensions)).toStrictEqual(list)
    })
    await fc.assert(property, { numRuns: 40 })
  },

  'the largest extensions are returned unchanged, from a dead letter too': async ({ storage }) => {
    await storage.append([makeRecord({ id: 'a', extensions: LARGEST })])
    expect((await storage.get('a'))?.extensions).toStrictEqual(LARGEST)
    await park(storage, makeFailure({ event: { extensions: LARGEST } }))
    const { deadLetters } = await storage.deadLetters.list({ limit: 1 })
    expect(deadLetters[0]?.event.extensions).toStrictEqual(LARGEST)
  },

  'extensions count for the size of a page': async ({ storage }) => {
    await storage.append(Array.from({ length: 6 }, () => makeRecord({ extensions: LARGEST })))
    // A store may keep JSON with a few more spaces.
    const bytes = Buffer.byteLength(JSON.stringify(LARGEST))
    const page = await storage.read({ after: 0, limit: 10, maxBytes: bytes + 5_000 })
    expect(page.events).toHaveLength(2)
    expect((await storage.list({ limit: 10, maxBytes: 2 * bytes + 5_000 })).events).toHaveLength(3)
  },

  'extensions select the same events in the store and in memory': async ({ storage }) => {
    const property = fc.asyncProperty(
      batches,
      fc.array(extensions, { minLength: 2, maxLength: 5 }),
      async (list, filters) => {
        await storage.clear()
        const batch = list.map((each) => makeRecord(each && { extensions: each }))
        await storage.append(batch)
        for (const filter of filters.map((each) => ({ extensions: each }))) {
          const matches = compileFilter(filter)
          const expected = batch.filter(({ event }) => matches(event)).map(({ event }) => event.id)
          expect(idsOf(await listAll(storage, filter))).toEqual(expected)
          expect(await storage.count(filter)).toBe(expected.length)
        }
      },
    )
    await fc.assert(property, { numRuns: 40 })
  },
}

export const extensionTests: Tests = {
  ...keeping,
  ...Object.fromEntries(
    Object.entries(CASES).map(([guarantee, filterCase]): [string, Tests[string]] => [
      guarantee,
      (context) => expectSelection(context, filterCase),
    ]),
  ),
}
