import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { idsOf, listAll, positionsOf, readToHead } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

const one: ContractTests = {
  'delete removes one event and returns whether there was one': async ({ storage }) => {
    await storage.append(['a', 'b', 'c'].map((id) => makeRecord({ id })))
    expect(await storage.delete('b')).toBe(true)
    expect(await storage.delete('b')).toBe(false)
    expect(await storage.delete('never there')).toBe(false)
    expect(await storage.get('b')).toBeUndefined()
    expect(idsOf(await listAll(storage))).toEqual(['a', 'c'])
    expect(idsOf(await readToHead(storage))).toEqual(['a', 'c'])
    expect(await storage.count()).toBe(2)
  },

  'positions continue after the newest event was deleted': async ({ storage, base }) => {
    await storage.append([makeRecord({ id: 'a' }), makeRecord({ id: 'b' })])
    await storage.delete('b')
    expect((await storage.head()).position).toBe(base + 2)
    expect((await storage.append([makeRecord()])).receipts).toEqual([
      { position: base + 3, duplicate: false },
    ])
  },

  'an id is free again once its event is deleted': async ({ storage, base }) => {
    await storage.append([makeRecord({ id: 'a', title: 'old' })])
    await storage.delete('a')
    const { receipts } = await storage.append([makeRecord({ id: 'a', title: 'new' })])
    expect(receipts).toEqual([{ position: base + 2, duplicate: false }])
    expect(await storage.get('a')).toMatchObject({ title: 'new', position: base + 2 })
  },
}

const many: ContractTests = {
  'deleteMatching removes exactly the matching events and returns their number': async ({ storage }) => {
    const types = ['scan.started', 'scan.progress', 'scanner', 'user.login']
    await storage.append(types.map((type) => makeRecord({ id: type, type })))
    expect(await storage.deleteMatching({ types: ['scan.*'] })).toBe(2)
    expect(await storage.deleteMatching({ types: ['scan.*'] })).toBe(0)
    expect(idsOf(await listAll(storage))).toEqual(['scanner', 'user.login'])
  },

  'deleteMatching with the empty filter removes all events, and positions continue': async ({
    storage,
    base,
  }) => {
    await storage.append(makeRecords(5))
    expect(await storage.deleteMatching({})).toBe(5)
    expect(await storage.count()).toBe(0)
    expect((await storage.append([makeRecord()])).receipts[0]?.position).toBe(base + 6)
  },

  'deleteMatching removes any number of events': async ({ storage }) => {
    await storage.append(
      Array.from({ length: 5_000 }, (_, i) => makeRecord({ tags: i % 5 === 0 ? ['x'] : [] })),
    )
    expect(await storage.deleteMatching({ tags: ['x'] })).toBe(1_000)
    expect(await storage.count()).toBe(4_000)
    expect(await storage.count({ tags: ['x'] })).toBe(0)
  },

  'clear removes all events and returns their number, and positions continue': async ({ storage, base }) => {
    await storage.append([makeRecord({ id: 'a' }), ...makeRecords(2_999)])
    expect(await storage.clear()).toBe(3_000)
    expect(await storage.clear()).toBe(0)
    expect(await listAll(storage)).toEqual([])
    expect(await storage.get('a')).toBeUndefined()
    expect(await storage.read({ after: base, limit: 10 })).toEqual({
      events: [],
      position: base + 3_000,
      more: false,
    })
    const { receipts } = await storage.append([makeRecord({ id: 'a' }), makeRecord()])
    expect(positionsOf(receipts, base)).toEqual([3_001, 3_002])
    expect(receipts[0]?.duplicate).toBe(false)
  },

  'clear removes the events stored before it and leaves later ones': async ({ storage }) => {
    await storage.append(makeRecords(3_000))
    const removed = storage.clear()
    const appended = storage.append([makeRecord({ id: 'after' })])
    expect(await removed).toBe(3_000)
    await appended
    expect(idsOf(await listAll(storage))).toEqual(['after'])
  },

  'until the sweep, expired events are removed and counted like others': async ({ storage, clock }) => {
    const expiring = ['one', 'two', 'three'].map((type) => makeRecord({ id: type, type, ttl: 10 }))
    await storage.append([...expiring, ...makeRecords(2)])
    clock.advance(10)
    expect(await storage.delete('one')).toBe(true)
    expect(await storage.deleteMatching({ types: ['two'] })).toBe(1)
    expect(await storage.clear()).toBe(3)
    expect(await storage.sweepExpired()).toBe(0)
  },
}

export const removalTests: ContractTests = { ...one, ...many }
