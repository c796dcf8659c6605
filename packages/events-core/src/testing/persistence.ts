import { expect } from 'vitest'
import type { ContractTests } from './contract-context.ts'
import { makeFailure } from './failure.ts'
import { holderOf, park } from './holder.ts'
import { idsOf, listAll } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

export const persistenceTests: ContractTests = {
  'a persistent store reports that it is persistent': async ({ storage }) => {
    expect(storage.persistent).toBe(true)
  },

  'events, totals, epoch and head survive a restart': async (context) => {
    const { storage, base } = context
    await storage.append([...makeRecords(3), makeRecord({ id: 'a', data: { n: 1 } }), ...makeRecords(20)])
    await storage.trim({ maxEvents: 21 })
    const before = [await storage.head(), await storage.totals(), await listAll(storage)]
    const again = await context.reopen(storage)
    expect([await again.head(), await again.totals(), await listAll(again)]).toStrictEqual(before)
    expect(await again.get('a')).toMatchObject({ id: 'a', data: { n: 1 }, position: base + 4 })
    await again.close()
  },

  'positions continue after a restart, even if the newest events were deleted before': async (context) => {
    await context.storage.append(makeRecords(5))
    await context.storage.clear()
    const again = await context.reopen(context.storage)
    expect((await again.head()).position).toBe(context.base + 5)
    expect((await again.append([makeRecord()])).receipts).toEqual([
      { position: context.base + 6, duplicate: false },
    ])
    await again.close()
  },

  'an id that was stored before a restart is a duplicate after it': async (context) => {
    await context.storage.append([makeRecord(), makeRecord({ id: 'a' })])
    const again = await context.reopen(context.storage)
    expect((await again.append([makeRecord({ id: 'a' })])).receipts).toEqual([
      { position: context.base + 2, duplicate: true },
    ])
    await again.close()
  },

  'events that expire during a restart are invisible after it': async (context) => {
    await context.storage.append([makeRecord({ ttl: 10 }), makeRecord({ id: 'stays' })])
    context.clock.advance(10)
    const again = await context.reopen(context.storage)
    expect(idsOf(await listAll(again))).toEqual(['stays'])
    expect((await again.totals()).total).toBe(1)
    expect(await again.sweepExpired()).toBe(1)
    await again.close()
  },

  'subscriptions, their positions and their dead letters survive a restart': async (context) => {
    const { storage } = context
    await storage.subscriptions.create('mail', 2, 5)
    const holder = await holderOf(storage, { name: 'mail', partition: 1 })
    await holder.commit({ checkpoint: { name: 'mail', partition: 1, position: 9 } })
    await park(storage, makeFailure({ subscription: 'mail' }))
    const before = [await storage.subscriptions.list(), await storage.deadLetters.list({ limit: 10 })]
    const again = await context.reopen(storage)
    expect([await again.subscriptions.list(), await again.deadLetters.list({ limit: 10 })]).toStrictEqual(
      before,
    )
    // The process that held the lease is gone, so its sign no longer changes.
    const { name, token } = holder.lease
    const sign = { token, beat: 2 }
    expect(await again.leases.acquire(name, 'second')).toEqual({ acquired: false, sign })
    const lease = { token: token + 1, claimed: false }
    expect(await again.leases.acquire(name, 'second', sign)).toEqual({ acquired: true, lease })
    await again.close()
  },

  'exactly the events acknowledged before a close are stored after it': async (context) => {
    const { storage } = context
    const records = makeRecords(50)
    const appends = records.map((record) => storage.append([record]))
    const outcomes = Promise.allSettled(appends)
    const again = await context.reopen(storage)
    const acknowledged = (await outcomes).filter((outcome) => outcome.status === 'fulfilled').length
    const ids = records.slice(0, acknowledged).map(({ event }) => event.id)
    expect(idsOf(await listAll(again))).toEqual(ids)
    expect((await again.totals()).total).toBe(acknowledged)
    await again.close()
  },
}
