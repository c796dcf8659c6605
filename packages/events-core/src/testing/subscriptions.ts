import { expect } from 'vitest'
import { formatTimestamp } from '../event/timestamp.ts'
import type { ContractTests } from './contract-context.ts'
import { makeFailure } from './failure.ts'
import { holderOf, PARTITION, park, takeOver } from './holder.ts'

const keeping: ContractTests = {
  'a subscription is created with all its partitions': async ({ storage: { subscriptions }, clock }) => {
    expect(await subscriptions.list()).toEqual([])
    expect(await subscriptions.create('mail', 2, 7)).toBe(true)
    const time = formatTimestamp(clock.now())
    const state = {
      name: 'mail',
      partitions: 2,
      position: 7,
      paused: false,
      missed: null,
      owner: null,
      claim: null,
      created: time,
      saved: time,
    }
    expect(await subscriptions.list()).toEqual([
      { ...state, partition: 0 },
      { ...state, partition: 1 },
    ])
  },

  'creating an existing subscription changes nothing': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 7)
    const before = await subscriptions.list()
    expect(await subscriptions.create('mail', 3, 0)).toBe(false)
    expect(await subscriptions.list()).toEqual(before)
  },

  'of processes that create a subscription at the same time, one succeeds': async ({
    storage: { subscriptions },
  }) => {
    const made = await Promise.all([1, 2, 3, 4].map((count) => subscriptions.create('mail', count, 0)))
    expect(made.filter(Boolean)).toHaveLength(1)
    const states = await subscriptions.list()
    expect(states.map(({ partitions }) => partitions)).toEqual(states.map(() => states.length))
  },

  'partitions are listed by name and number': async ({ storage: { subscriptions } }) => {
    for (const name of ['b', 'a', 'B']) await subscriptions.create(name, 11, 0)
    const numbers = Array.from({ length: 11 }, (_, number) => number)
    const expected = ['B', 'a', 'b'].flatMap((name) => numbers.map((partition) => [name, partition]))
    expect((await subscriptions.list()).map(({ name, partition }) => [name, partition])).toEqual(expected)
  },

  'the partitions of one subscription can be listed': async ({ storage: { subscriptions } }) => {
    for (const name of ['a', 'b', 'c']) await subscriptions.create(name, 2, 0)
    expect((await subscriptions.list('b')).map(({ name, partition }) => [name, partition])).toEqual([
      ['b', 0],
      ['b', 1],
    ])
    expect(await subscriptions.list('d')).toEqual([])
  },

  'a name may be any string': async ({ storage: { subscriptions } }) => {
    const names = ["it's", 'a"b', '%', 'é', 'e\u0301', 'a b', '\u0000']
    for (const name of names) expect(await subscriptions.create(name, 1, 0)).toBe(true)
    expect((await subscriptions.list()).map(({ name }) => name).toSorted()).toEqual(names.toSorted())
    for (const name of names) expect(await subscriptions.delete(name)).toBe(true)
  },
}

const LOST = { committed: false, reason: 'lease_lost' }

const positions: ContractTests = {
  'a commit saves the position and the time': async ({ storage, clock }) => {
    const { subscriptions } = storage
    await subscriptions.create('mail', 2, 7)
    const created = formatTimestamp(clock.now())
    const holder = await holderOf(storage)
    clock.advance(1_000)
    expect(await holder.commit({ checkpoint: { ...PARTITION, position: 9 } })).toEqual({
      committed: true,
      lease: { token: holder.lease.token, claimed: false },
      paused: false,
    })
    const saved = formatTimestamp(clock.now())
    expect(await subscriptions.list()).toMatchObject([
      { partition: 0, position: 9, created, saved },
      { partition: 1, position: 7, created, saved: created },
    ])
  },

  'a saved position never decreases': async ({ storage, clock }) => {
    const { subscriptions } = storage
    await subscriptions.create('mail', 1, 7)
    const holder = await holderOf(storage)
    await holder.commit({ checkpoint: { ...PARTITION, position: 9 } })
    const before = await subscriptions.list()
    clock.advance(1_000)
    for (const progress of [{ position: 8 }, { position: 0 }, { position: 9 }, {}]) {
      expect(await holder.commit({ checkpoint: { ...PARTITION, ...progress } })).toMatchObject({
        committed: true,
      })
      expect(await subscriptions.list()).toEqual(before)
    }
  },

  'the missed range is kept until a later one replaces it or a reset clears it': async ({ storage }) => {
    const { subscriptions } = storage
    await subscriptions.create('mail', 2, 7)
    const holder = await holderOf(storage)
    await holder.commit({ checkpoint: { ...PARTITION, position: 20, missed: { from: 8, to: 19 } } })
    await holder.commit({ checkpoint: { ...PARTITION, position: 21 } })
    expect((await subscriptions.list()).map(({ missed }) => missed)).toEqual([{ from: 8, to: 19 }, null])
    await holder.commit({ checkpoint: { ...PARTITION, missed: { from: 22, to: 25 } } })
    expect(await subscriptions.list()).toMatchObject([{ position: 21, missed: { from: 22, to: 25 } }, {}])
    await subscriptions.reset('mail', 21)
    expect((await subscriptions.list()).map(({ missed }) => missed)).toEqual([null, null])
  },

  'a process that has lost the lease saves nothing': async ({ storage }) => {
    const { subscriptions } = storage
    await subscriptions.create('mail', 1, 7)
    const holder = await holderOf(storage)
    await takeOver(storage, holder.lease.name)
    expect(await holder.commit({ checkpoint: { ...PARTITION, position: 9 } })).toEqual(LOST)
    expect(await subscriptions.list()).toMatchObject([{ position: 7, owner: 'other' }])
  },

  'a holder of a subscription that was deleted and created again saves nothing': async ({ storage }) => {
    const { subscriptions } = storage
    await subscriptions.create('mail', 1, 7)
    const before = await holderOf(storage)
    await subscriptions.delete('mail')
    await subscriptions.create('mail', 1, 1)
    const now = await holderOf(storage)
    expect(await before.commit({ checkpoint: { ...PARTITION, position: 99 } })).toEqual(LOST)
    expect(await now.commit({ checkpoint: { ...PARTITION, position: 2 } })).toMatchObject({ committed: true })
    expect(await subscriptions.list()).toMatchObject([{ position: 2 }])
  },

  'positions may be large numbers': async ({ storage }) => {
    await storage.subscriptions.create('mail', 1, 2 ** 40)
    const holder = await holderOf(storage)
    const position = Number.MAX_SAFE_INTEGER
    await holder.commit({ checkpoint: { ...PARTITION, position } })
    expect(await storage.subscriptions.list()).toMatchObject([{ position }])
  },
}

const changes: ContractTests = {
  'a holder learns that its subscription was paused and keeps its lease': async ({ storage }) => {
    const { subscriptions } = storage
    await subscriptions.create('mail', 2, 0)
    const holder = await holderOf(storage)
    for (const paused of [true, false]) {
      expect(await subscriptions.setPaused('mail', paused)).toBe(true)
      const { token } = holder.lease
      expect(await holder.commit({ checkpoint: PARTITION })).toMatchObject({ lease: { token }, paused })
      expect((await subscriptions.list()).map((state) => state.paused)).toEqual([paused, paused])
    }
  },

  'a reset sets all positions, backwards or forwards, and revokes the leases': async ({ storage }) => {
    const { subscriptions } = storage
    for (const position of [3, 30]) {
      await subscriptions.create('mail', 2, 10)
      const holder = await holderOf(storage)
      expect(await subscriptions.reset('mail', position)).toBe(true)
      expect(await holder.commit({ checkpoint: { ...PARTITION, position: 99 } })).toEqual(LOST)
      expect((await subscriptions.list()).map((state) => state.position)).toEqual([position, position])
      await holderOf(storage)
      await subscriptions.delete('mail')
    }
  },

  'a subscription is renamed with its positions and dead letters, and loses its leases': async ({
    storage,
  }) => {
    const { subscriptions, deadLetters } = storage
    await subscriptions.create('mail', 2, 10)
    await subscriptions.setPaused('mail', true)
    const holder = await holderOf(storage)
    await park(storage, makeFailure({ subscription: 'mail' }))
    expect(await subscriptions.rename('mail', 'post')).toBe(true)
    expect(await holder.commit({ checkpoint: { ...PARTITION, position: 99 } })).toEqual(LOST)
    expect(await subscriptions.list()).toMatchObject([
      { name: 'post', partition: 0, position: 10, paused: true, owner: null },
      { name: 'post', partition: 1, position: 10, paused: true, owner: null },
    ])
    const { deadLetters: letters } = await deadLetters.list({ limit: 10 })
    expect(letters.map(({ subscription }) => subscription)).toEqual(['post'])
  },

  'renaming to an existing name is rejected and changes nothing': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 1)
    await subscriptions.create('post', 2, 2)
    const before = await subscriptions.list()
    await expect(subscriptions.rename('mail', 'post')).rejects.toHaveProperty('code', 'EVENTS_CONFLICT')
    expect(await subscriptions.list()).toEqual(before)
  },

  'of subscriptions that are renamed to one name at the same time, one succeeds': async ({
    storage: { subscriptions },
  }) => {
    for (let round = 0; round < 20; round++) {
      const names = ['a', 'b', 'c', 'd'].map((name) => `${name}${round}`)
      for (const name of names) await subscriptions.create(name, 2, 0)
      const outcomes = await Promise.allSettled(names.map((name) => subscriptions.rename(name, `to${round}`)))
      const refusals = outcomes.flatMap(({ status, ...outcome }) =>
        'reason' in outcome ? outcome.reason : [],
      )
      expect(refusals.map(({ code }) => code)).toEqual(Array(3).fill('EVENTS_CONFLICT'))
    }
  },

  'a subscription is deleted with its positions and dead letters': async ({ storage }) => {
    const { subscriptions, deadLetters } = storage
    await subscriptions.create('mail', 1, 1)
    await subscriptions.create('post', 1, 2)
    const holder = await holderOf(storage)
    for (const subscription of ['mail', 'post']) await park(storage, makeFailure({ subscription }))
    expect(await subscriptions.delete('mail')).toBe(true)
    expect(await holder.commit({ checkpoint: { ...PARTITION, position: 9 } })).toEqual(LOST)
    expect((await subscriptions.list()).map(({ name }) => name)).toEqual(['post'])
    expect(await deadLetters.list({ limit: 10 })).toMatchObject({
      total: 1,
      deadLetters: [{ subscription: 'post' }],
    })
    expect(await subscriptions.create('mail', 1, 0)).toBe(true)
  },

  'changes of a subscription that does not exist return false': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('post', 1, 2)
    const before = await subscriptions.list()
    expect(await subscriptions.setPaused('mail', true)).toBe(false)
    expect(await subscriptions.reset('mail', 0)).toBe(false)
    expect(await subscriptions.rename('mail', 'other')).toBe(false)
    expect(await subscriptions.delete('mail')).toBe(false)
    expect(await subscriptions.list()).toEqual(before)
  },
}

export const subscriptionTests: ContractTests = { ...keeping, ...positions, ...changes }
