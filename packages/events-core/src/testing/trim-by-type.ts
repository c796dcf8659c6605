import fc from 'fast-check'
import { expect } from 'vitest'
import { compileTypes } from '../filter/filter.ts'
import type { EventStorage, TrimPolicy } from '../storage/contract/storage.ts'
import type { ContractTests } from './contract-context.ts'
import { idsOf, listAll, positionsOf } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

type Tests = ContractTests

const TYPES = ['a', 'a.b', 'a.b.c', 'a.bc', 'a_b', 'b', '__proto__']

async function appendTypes(storage: EventStorage, types: readonly string[]): Promise<void> {
  await storage.append(types.map((type, index) => makeRecord({ id: `${index + 1}`, type })))
}

async function keptOf(storage: EventStorage, types?: readonly string[]): Promise<number> {
  return (await storage.head(types && { types })).keptFrom
}

const selecting: Tests = {
  'a trim by position removes the events up to and including it': async ({ storage, base }) => {
    await storage.append(makeRecords(1_500))
    expect(await storage.trim({ upTo: base })).toBe(0)
    expect(await storage.trim({ upTo: base + 1_200 })).toBe(1_200)
    expect(positionsOf(await listAll(storage), base)[0]).toBe(1_201)
    expect(await keptOf(storage)).toBe(base + 1_201)
    expect(await storage.trim({ upTo: base + 1_200 })).toBe(0)
    expect(await storage.trim({ upTo: Number.MAX_SAFE_INTEGER })).toBe(300)
    expect(await keptOf(storage)).toBe(base + 1_501)
  },

  'a trim of types removes and counts only their events': async ({ storage }) => {
    await appendTypes(storage, ['a', 'b', 'a.b', 'a', 'a.bc', 'b', 'a.b.c'])
    expect(await storage.trim({ types: ['a.*', 'b'], maxEvents: 2 })).toBe(3)
    expect(idsOf(await listAll(storage))).toEqual(['1', '4', '6', '7'])
    expect(await storage.trim({ types: ['*'], exceptTypes: ['a'], maxEvents: 1 })).toBe(1)
    expect(idsOf(await listAll(storage))).toEqual(['1', '4', '7'])
    expect(await storage.totals()).toMatchObject({ total: 3, byType: { a: 2, 'a.b.c': 1 } })
  },

  'excepted types are kept, even within selected ones': async ({ storage }) => {
    await appendTypes(storage, ['a.b', 'a.b.c', 'a.bc', 'b'])
    expect(await storage.trim({ types: ['a.*'], exceptTypes: ['a.b.*', 'b'], upTo: 1_000_000 })).toBe(2)
    expect(idsOf(await listAll(storage))).toEqual(['2', '4'])
    expect(await storage.trim({ exceptTypes: ['*'], maxEvents: 0 })).toBe(0)
  },

  'a trim by age removes old events of the selected types': async ({ storage, clock }) => {
    await appendTypes(storage, ['a', 'b'])
    clock.advance(1_000)
    await storage.append([makeRecord({ id: 'young', type: 'a' })])
    expect(await storage.trim({ types: ['a'], maxAgeMs: 500 })).toBe(1)
    expect(idsOf(await listAll(storage))).toEqual(['2', 'young'])
  },

  'types alone remove nothing': async ({ storage }) => {
    await appendTypes(storage, ['a', 'b'])
    expect(await storage.trim({ types: ['a'] })).toBe(0)
    expect(await storage.trim({ exceptTypes: ['a'] })).toBe(0)
  },

  'an invalid condition is rejected and removes nothing': async ({ storage }) => {
    await appendTypes(storage, ['a', 'b'])
    for (const policy of [
      { upTo: -1 },
      { upTo: 1.5 },
      { maxEvents: Number.NaN },
      { maxAgeMs: '1' },
      { types: [], maxEvents: 0 },
      { types: ['a*'], maxEvents: 0 },
      { exceptTypes: [''], maxEvents: 0 },
      { type: 'a', maxEvents: 0 },
    ]) {
      // @ts-expect-error callers without types may pass anything
      await expect(storage.trim(policy)).rejects.toHaveProperty('code', 'EVENTS_INVALID')
    }
    expect(await storage.count()).toBe(2)
  },
}

const keptFrom: Tests = {
  'trimming one type does not move kept-from of others': async ({ storage, base }) => {
    const before = await keptOf(storage, ['b'])
    await appendTypes(storage, ['b', 'a', 'a', 'b', 'a.b'])
    await storage.trim({ types: ['a'], maxEvents: 0 })
    expect(await keptOf(storage, ['a'])).toBe(base + 4)
    expect(await keptOf(storage, ['b'])).toBe(before)
    expect(await keptOf(storage, ['b', 'a.*'])).toBe(before)
    // Readers of all types have missed events.
    for (const types of [undefined, ['*'], ['b', 'a']]) expect(await keptOf(storage, types)).toBe(base + 4)
  },

  'a trim of every type moves kept-from of types that were trimmed or excepted before too': async ({
    storage,
    base,
  }) => {
    await appendTypes(storage, ['a', 'b', 'a.b', 'b'])
    await storage.trim({ types: ['a.*'], maxEvents: 0 })
    await storage.trim({ exceptTypes: ['b'], maxEvents: 0 })
    expect(await keptOf(storage, ['a'])).toBe(base + 2)
    await storage.clear()
    for (const types of TYPES) expect(await keptOf(storage, [types])).toBe(base + 5)
  },

  'kept-from ignores the other conditions of a filter': async ({ storage, base }) => {
    await appendTypes(storage, ['a', 'b'])
    await storage.trim({ types: ['a'], maxEvents: 0 })
    const other = { sources: ['nobody'], data: { n: 1 }, since: '2031-01-01T00:00:00.000Z' }
    expect((await storage.head({ types: ['a'], ...other })).keptFrom).toBe(base + 2)
    expect((await storage.head(other)).keptFrom).toBe(base + 2)
    expect((await storage.head({})).keptFrom).toBe(base + 2)
  },
}

const pattern = fc.constantFrom(...TYPES, 'a.*', 'a.b.*', '*', 'c.*')
const somePatterns = fc.option(fc.uniqueArray(pattern, { minLength: 1, maxLength: 2 }), { nil: undefined })
const anyPolicy = fc.record({
  which: fc.constantFrom('upTo', 'maxEvents', 'maxAgeMs'),
  amount: fc.nat({ max: 12 }),
  types: somePatterns,
  exceptTypes: somePatterns,
})
const anyRound = fc.record({
  types: fc.array(fc.constantFrom(...TYPES), { maxLength: 6 }),
  policy: anyPolicy,
})

interface Kept {
  readonly position: number
  readonly type: string
  readonly recordedAtMs: number
}

/** Computes the expected events and the kept-from of each type in the simplest way. */
class Model {
  kept: readonly Kept[] = []
  readonly keptFrom: Map<string, number>

  constructor(storeKeptFrom: number) {
    this.keptFrom = new Map(TYPES.map((type) => [type, storeKeptFrom]))
  }

  trim({ types, exceptTypes = [], ...conditions }: TrimPolicy, nowMs: number): number {
    const isSelected = (type: string) => compileTypes(types)(type) && !compileTypes(exceptTypes)(type)
    const selected = this.kept.filter(({ type }) => isSelected(type))
    const { upTo = 0, maxEvents = selected.length, maxAgeMs = nowMs } = conditions
    const gone = selected.filter(
      ({ position, recordedAtMs }, index) =>
        position <= upTo || index < selected.length - maxEvents || nowMs - recordedAtMs > maxAgeMs,
    )
    const beyond = (gone.at(-1)?.position ?? 0) + 1
    for (const [type, position] of this.keptFrom)
      if (isSelected(type)) this.keptFrom.set(type, Math.max(position, beyond))
    this.kept = this.kept.filter((each) => !gone.includes(each))
    return gone.length
  }
}

const asAModel: Tests = {
  'after any trims, events and kept-from equal those of a plain list': async ({ storage, clock }) => {
    const property = fc.asyncProperty(fc.array(anyRound, { maxLength: 6 }), async (rounds) => {
      // Earlier trims of any type lie below the kept-from of all types now.
      await storage.append([makeRecord()])
      await storage.clear()
      const { position: start, keptFrom: first } = await storage.head()
      const model = new Model(first)
      for (const { types, policy } of rounds) {
        const { receipts } = await storage.append(types.map((type) => makeRecord({ type })))
        const recordedAtMs = clock.now()
        const added = types.map((type, index) => ({
          type,
          recordedAtMs,
          position: receipts[index]?.position ?? 0,
        }))
        model.kept = [...model.kept, ...added]
        clock.advance(3)
        const { which, amount, ...selection } = policy
        const trim = { [which]: which === 'upTo' ? start + amount : amount, ...definedOf(selection) }
        expect(await storage.trim(trim), JSON.stringify(trim)).toBe(model.trim(trim, clock.now()))
        await expectModel(storage, model)
      }
    })
    await fc.assert(property, { numRuns: 40 })
  },
}

function definedOf({
  types,
  exceptTypes,
}: Record<'types' | 'exceptTypes', string[] | undefined>): TrimPolicy {
  return { ...(types && { types }), ...(exceptTypes && { exceptTypes }) }
}

async function expectModel(storage: EventStorage, model: Model): Promise<void> {
  expect(positionsOf(await listAll(storage))).toEqual(model.kept.map(({ position }) => position))
  for (const [type, position] of model.keptFrom) expect(await keptOf(storage, [type]), type).toBe(position)
  const matches = compileTypes(['a.*'])
  const below = [...model.keptFrom].filter(([type]) => matches(type)).map(([, position]) => position)
  expect(await keptOf(storage, ['a.*'])).toBeGreaterThanOrEqual(Math.max(...below))
}

export const trimByTypeTests: Tests = { ...selecting, ...keptFrom, ...asAModel }
