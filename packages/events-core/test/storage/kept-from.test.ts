import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileTypes } from '../../src/filter/filter.ts'
import { type KeptFrom, keptFrom, raise, type TypeSelection } from '../../src/storage/kept-from.ts'

const SEGMENTS = ['a', 'b', '__proto__']
const PATHS = [
  ...SEGMENTS,
  ...SEGMENTS.flatMap((first) => SEGMENTS.map((second) => `${first}.${second}`)),
  'a.b.a',
  'a.b.b',
  'a.a.a',
]
/** One type below each path that no pattern names, like nearly all types. */
const TYPES = [...PATHS, ...PATHS.map((path) => `${path}.other`), 'other']
const pattern = fc.constantFrom(...PATHS, ...PATHS.map((path) => `${path}.*`), '*')
const patterns = fc.option(fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 }), { nil: undefined })
const steps = fc.array(
  fc.record({ types: patterns, exceptTypes: patterns, position: fc.integer({ min: 1, max: 9 }) }),
  { maxLength: 8 },
)

/** The kept-from of each type, computed type by type. */
class Model {
  readonly #positions = new Map(TYPES.map((type) => [type, 1]))

  raise({ types, exceptTypes = [] }: TypeSelection, position: number): void {
    const isTrimmed = compileTypes(types)
    const isExcepted = compileTypes(exceptTypes)
    for (const [type, before] of this.#positions)
      if (isTrimmed(type) && !isExcepted(type)) this.#positions.set(type, Math.max(before, position))
  }

  keptFrom(types: readonly string[] | undefined): number {
    const matches = compileTypes(types)
    return Math.max(...[...this.#positions].filter(([type]) => matches(type)).map(([, position]) => position))
  }
}

test('for each type and pattern the map returns what a list of all types would return', () => {
  const property = fc.property(steps, fc.array(patterns, { maxLength: 5 }), (list, asked) => {
    const model = new Model()
    let map: KeptFrom = new Map()
    for (const { position, ...selection } of list) {
      map = raise(map, selection, position)
      model.raise(selection, position)
      for (const type of TYPES) expect(keptFrom(map, [type]), type).toBe(model.keptFrom([type]))
    }
    for (const types of [undefined, ...asked]) expect(keptFrom(map, types)).toBe(model.keptFrom(types))
  })
  fc.assert(property, { numRuns: 500 })
})

test('the original map is unchanged', () => {
  const map = raise(new Map(), { types: ['a'] }, 5)
  const before = [...map]
  raise(map, {}, 9)
  expect([...map]).toEqual(before)
})

test('redundant entries are left out', () => {
  let map = raise(new Map(), { types: ['a', 'a.*', 'b'], exceptTypes: ['a.b'] }, 5)
  map = raise(map, { exceptTypes: ['c', 'd.*'] }, 5)
  map = raise(map, {}, 7)
  expect([...map]).toEqual([['', 7]])
})

test('with very many types the map stays small and hides no gap', () => {
  let map: KeptFrom = new Map()
  const types = Array.from({ length: 3_000 }, (_, index) => `t${index}`)
  for (const [index, type] of types.entries()) {
    map = raise(map, { types: [type] }, index + 2)
    expect(map.size).toBeLessThanOrEqual(1_000)
  }
  for (const [index, type] of types.entries()) expect(keptFrom(map, [type])).toBeGreaterThanOrEqual(index + 2)
  expect(keptFrom(map)).toBe(3_001)
})
