import fc from 'fast-check'
import { expect } from 'vitest'
import type { KeyedState, StateSize } from '../storage/contract/keyed-state.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { PartitionKey } from '../storage/contract/subscriptions.ts'
import { STORAGE_LIMITS } from '../storage/limits.ts'
import type { ContractTests } from './contract-context.ts'
import { type Holder, holderOf, PARTITION } from './holder.ts'

type Tests = ContractTests

/** Returns a state with the fields that a test sets. */
function stateOf(key: string, fields: Partial<KeyedState> = {}): KeyedState {
  return { key, value: null, dueMs: null, touched: 1, ...fields }
}

async function change(
  holder: Holder,
  changes: { readonly put?: readonly KeyedState[]; readonly delete?: readonly string[] },
  partition: PartitionKey = PARTITION,
): Promise<void> {
  const answer = await holder.commit({ state: { ...partition, put: [], delete: [], ...changes } })
  expect(answer).toMatchObject({ committed: true })
}

const keysOf = (states: readonly KeyedState[]) => states.map(({ key }) => key)

const keeping: Tests = {
  'a state is returned unchanged until it is put again or deleted': async ({ storage }) => {
    const holder = await holderOf(storage)
    const states = [
      stateOf('a', { value: '{"b":1,"a":"é😀\\u0000\\ud800\ufdd0"}', dueMs: 2 ** 45, touched: 2 ** 40 }),
      stateOf('b', { dueMs: -5 }),
      stateOf('c', { value: '[]', touched: 0 }),
    ]
    await change(holder, { put: states })
    const read = await storage.state.read(PARTITION, ['c', 'a', 'b', 'd', 'a'])
    expect(read.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toStrictEqual(states)
    await change(holder, { put: [stateOf('a', { value: '2', touched: 9 })], delete: ['b', 'none'] })
    expect(await storage.state.read(PARTITION, ['a', 'b'])).toStrictEqual([
      stateOf('a', { value: '2', touched: 9 }),
    ])
  },

  'keys may be any strings': async ({ storage }) => {
    const holder = await holderOf(storage)
    const keys = ['', ' ', 'a', 'A', 'é', 'e\u0301', '%', "it's", '"', '__proto__', 'constructor', '\ufdd0']
    await change(holder, { put: keys.map((key, index) => stateOf(key, { value: `${index}` })) })
    for (const [index, key] of keys.entries())
      expect(await storage.state.read(PARTITION, [key])).toMatchObject([{ key, value: `${index}` }])
    expect((await storage.state.read(PARTITION, [...keys, 'toString'])).length).toBe(keys.length)
  },

  'each partition of each subscription has its own state': async ({ storage }) => {
    const partitions = [PARTITION, { name: 'mail', partition: 1 }, { name: 'post', partition: 0 }]
    for (const name of ['mail', 'post']) await storage.subscriptions.create(name, 2, 0)
    for (const [index, partition] of partitions.entries()) {
      const holder = await holderOf(storage, partition)
      await change(holder, { put: [stateOf('a', { value: `${index}` })] }, partition)
    }
    for (const [index, partition] of partitions.entries()) {
      expect(await storage.state.read(partition, ['a'])).toMatchObject([{ value: `${index}` }])
      expect((await storage.state.size(partition)).keys).toBe(1)
    }
  },

  'a partition that does not exist has no state': async ({ storage }) => {
    await holderOf(storage)
    for (const partition of [
      { name: 'none', partition: 0 },
      { name: 'mail', partition: 1 },
    ])
      await expectNoState(storage, partition)
  },

  'a read accepts a thousand keys and rejects more': async ({ storage }) => {
    const holder = await holderOf(storage)
    const keys = Array.from({ length: STORAGE_LIMITS.keysPerRead }, (_, index) => `${index}`)
    await change(holder, { put: keys.map((key) => stateOf(key)) })
    expect(keysOf(await storage.state.read(PARTITION, keys)).toSorted()).toEqual(keys.toSorted())
    expect(await storage.state.read(PARTITION, [])).toEqual([])
    const tooMany = storage.state.read(PARTITION, [...keys, 'one more'])
    await expect(tooMany).rejects.toHaveProperty('code', 'EVENTS_INVALID')
  },

  'keys and values may have the maximum length and are rejected beyond it': async ({ storage }) => {
    const holder = await holderOf(storage)
    const { keyLength, valueBytes } = STORAGE_LIMITS
    const longest = '\uffff'.repeat(keyLength)
    const largest = JSON.stringify('é'.repeat(valueBytes / 2 - 1))
    await change(holder, { put: [stateOf(longest, { value: largest })] })
    expect(await storage.state.read(PARTITION, [longest])).toStrictEqual([
      stateOf(longest, { value: largest }),
    ])
    const before = await storage.state.size(PARTITION)
    for (const key of [`${longest}x`, '\u0000', '\ud800']) {
      for (const changes of [
        { put: [stateOf(key)], delete: [] },
        { put: [], delete: [key] },
      ])
        await expectInvalid(holder.commit({ state: { ...PARTITION, ...changes } }))
      await expectInvalid(storage.state.read(PARTITION, [key]))
    }
    const tooLarge = stateOf('a', { value: `${largest} ` })
    await expectInvalid(holder.commit({ state: { ...PARTITION, put: [stateOf('b'), tooLarge], delete: [] } }))
    expect(await storage.state.size(PARTITION)).toEqual(before)
  },
}

const order: Tests = {
  'due states are ordered by time, then key by code point, up to a limit': async ({ storage }) => {
    const holder = await holderOf(storage)
    const timers = { b: 20, a: 20, '\u{10000}': 10, '\uffff': 10, later: 31, c: 30 }
    const states = Object.entries(timers).map(([key, dueMs]) => stateOf(key, { dueMs }))
    await change(holder, { put: [...states, stateOf('no timer', { value: '1' })] })
    const { state } = storage
    expect(keysOf(await state.due(PARTITION, 30, 10))).toEqual(['\uffff', '\u{10000}', 'a', 'b', 'c'])
    expect(keysOf(await state.due(PARTITION, 30, 3))).toEqual(['\uffff', '\u{10000}', 'a'])
    expect(await state.due(PARTITION, 9, 10)).toEqual([])
    expect(await state.due(PARTITION, 10, 1)).toStrictEqual([stateOf('\uffff', { dueMs: 10 })])
    expect(await state.nextDue(PARTITION)).toBe(10)
  },

  'a timer has the last time that was set': async ({ storage }) => {
    const holder = await holderOf(storage)
    const { state } = storage
    expect(await state.nextDue(PARTITION)).toBeUndefined()
    for (const dueMs of [10, 30, 20, 30]) {
      await change(holder, { put: [stateOf('a', { dueMs })] })
      expect(await state.nextDue(PARTITION)).toBe(dueMs)
      expect(await state.due(PARTITION, dueMs - 1, 10)).toEqual([])
      expect(keysOf(await state.due(PARTITION, dueMs, 10))).toEqual(['a'])
    }
    await change(holder, { put: [stateOf('a', { value: '1' }), stateOf('b', { dueMs: 40 })] })
    expect(await state.nextDue(PARTITION)).toBe(40)
    await change(holder, { delete: ['b'] })
    expect(await state.nextDue(PARTITION)).toBeUndefined()
  },

  'the oldest states are those changed longest ago, by position, then key': async ({ storage }) => {
    const holder = await holderOf(storage)
    const touched = { b: 7, a: 7, '\u{10000}': 3, '\ue000': 3, new: 9 }
    await change(holder, {
      put: Object.entries(touched).map(([key, position]) => stateOf(key, { touched: position })),
    })
    const { state } = storage
    expect(keysOf(await state.oldest(PARTITION, 10))).toEqual(['\ue000', '\u{10000}', 'a', 'b', 'new'])
    expect(keysOf(await state.oldest(PARTITION, 2))).toEqual(['\ue000', '\u{10000}'])
    await change(holder, { put: [stateOf('\ue000', { touched: 10 })], delete: ['a'] })
    expect(keysOf(await state.oldest(PARTITION, 10))).toEqual(['\u{10000}', 'b', 'new', '\ue000'])
  },
}

const size: Tests = {
  'the size follows puts, replacements and deletions': async ({ storage }) => {
    const holder = await holderOf(storage)
    const expectSize = async (keys: number, bytes: number) =>
      expect(await storage.state.size(PARTITION)).toEqual({ keys, bytes })
    await expectSize(0, 0)
    await change(holder, { put: [stateOf('é', { value: '"ü"' }), stateOf('😀')] })
    await expectSize(2, 2 + 4 + 4)
    await change(holder, { put: [stateOf('é', { value: '1' })] })
    await expectSize(2, 2 + 1 + 4)
    await change(holder, { put: [stateOf('é')], delete: ['none'] })
    await expectSize(2, 2 + 4)
    await change(holder, { put: [stateOf('\ufdd0', { value: '"\ufdd0"' })], delete: ['😀', 'é'] })
    await expectSize(1, 3 + 5)
    await change(holder, { delete: ['\ufdd0'] })
    await expectSize(0, 0)
  },

  'a refused commit leaves the size as it was': async ({ storage }) => {
    const holder = await holderOf(storage)
    await change(holder, { put: [stateOf('a', { value: '1' })] })
    const state = { ...PARTITION, put: [stateOf('b')], delete: ['a'] }
    const { position } = await storage.head()
    expect(await holder.commit({ state, onlyIf: { head: position + 1, reachedMs: 0 } })).toMatchObject({
      reason: 'log_grew',
    })
    expect(await storage.state.size(PARTITION)).toEqual({ keys: 1, bytes: 2 })
  },
}

const ofSubscriptions: Tests = {
  'a rename keeps the state of all partitions': async ({ storage }) => {
    const partitions = [0, 1].map((partition) => ({ name: 'mail', partition }))
    await storage.subscriptions.create('mail', 2, 0)
    for (const partition of partitions)
      await change(await holderOf(storage, partition), { put: [stateOf('a', { dueMs: 5 })] }, partition)
    await storage.subscriptions.rename('mail', 'post')
    for (const partition of partitions) {
      await expectNoState(storage, partition)
      const renamed = { ...partition, name: 'post' }
      expect(await storage.state.due(renamed, 5, 10)).toStrictEqual([stateOf('a', { dueMs: 5 })])
      expect(await storage.state.size(renamed)).toEqual({ keys: 1, bytes: 1 })
    }
  },

  'a reset and a deletion clear the state of their own subscription only': async ({ storage }) => {
    const others = [
      { name: 'mail:0', partition: 0 },
      { name: 'mai', partition: 0 },
    ]
    for (const partition of others)
      await change(await holderOf(storage, partition), { put: [stateOf('a')] }, partition)
    const changes = {
      reset: () => storage.subscriptions.reset('mail', 0),
      delete: () => storage.subscriptions.delete('mail'),
    }
    for (const make of Object.values(changes)) {
      const holder = await holderOf(storage)
      await change(holder, { put: [stateOf('a', { value: '1', dueMs: 5 })] })
      await make()
      await expectNoState(storage)
      await storage.subscriptions.create('mail', 1, 0)
      await expectNoState(storage)
    }
    for (const partition of others) expect((await storage.state.size(partition)).keys).toBe(1)
  },
}

/** Few keys and times, so that they collide often. */
const anyChange = fc.record({
  put: fc.uniqueArray(
    fc.record({
      key: fc.constantFrom('a', 'b', '\ue000', '\u{10000}'),
      value: fc.constantFrom(null, '1', '"é"'),
      dueMs: fc.constantFrom(null, 1, 2, 3),
      touched: fc.integer({ min: 1, max: 4 }),
    }),
    { selector: ({ key }) => key, maxLength: 3 },
  ),
  delete: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', '\ue000'), { maxLength: 2 }),
})

const asAMap: Tests = {
  'after any puts and deletions, the state equals that of a map': async ({ storage }) => {
    let number = 0
    const property = fc.asyncProperty(fc.array(anyChange, { maxLength: 8 }), async (list) => {
      const partition = { name: `mail ${number++}`, partition: 0 }
      const holder = await holderOf(storage, partition)
      const model = new Map<string, KeyedState>()
      for (const { put, delete: deleted } of list) {
        const gone = deleted.filter((key) => !put.some((state) => state.key === key))
        await change(holder, { put, delete: gone }, partition)
        for (const key of gone) model.delete(key)
        for (const state of put) model.set(state.key, state)
        await expectModel(storage, partition, [...model.values()])
      }
    })
    await fc.assert(property, { numRuns: 25 })
  },
}

async function expectModel(
  { state }: EventStorage,
  partition: PartitionKey,
  states: readonly KeyedState[],
): Promise<void> {
  const timers = states.filter(({ dueMs }) => dueMs !== null).toSorted(byRank('dueMs'))
  expect(await state.due(partition, 2, 10)).toEqual(timers.filter(({ dueMs }) => Number(dueMs) <= 2))
  expect(await state.nextDue(partition)).toBe(timers[0]?.dueMs ?? undefined)
  expect(await state.oldest(partition, 2)).toEqual(states.toSorted(byRank('touched')).slice(0, 2))
  const bytes = states.map(({ key, value }) => Buffer.byteLength(key + (value ?? '')))
  const expected: StateSize = { keys: states.length, bytes: bytes.reduce((sum, each) => sum + each, 0) }
  expect(await state.size(partition)).toEqual(expected)
}

function byRank(rank: 'dueMs' | 'touched') {
  return (a: KeyedState, b: KeyedState) =>
    Number(a[rank]) - Number(b[rank]) || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))
}

async function expectNoState({ state }: EventStorage, partition = PARTITION): Promise<void> {
  expect(await state.read(partition, ['a'])).toEqual([])
  expect(await state.due(partition, Number.MAX_SAFE_INTEGER, 10)).toEqual([])
  expect(await state.nextDue(partition)).toBeUndefined()
  expect(await state.oldest(partition, 10)).toEqual([])
  expect(await state.size(partition)).toEqual({ keys: 0, bytes: 0 })
}

async function expectInvalid(call: Promise<unknown>): Promise<void> {
  await expect(call).rejects.toHaveProperty('code', 'EVENTS_INVALID')
}

export const keyedStateTests: Tests = { ...keeping, ...order, ...size, ...ofSubscriptions, ...asAMap }
