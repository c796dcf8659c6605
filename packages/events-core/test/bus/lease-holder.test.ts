import { expect, test } from 'vitest'
import { LeaseHolder } from '../../src/bus/durable/lease-holder.ts'
import { memoryStorage } from '../../src/index.ts'
import type { LeaseSign } from '../../src/storage/contract/subscriptions.ts'

const key = { name: 'mine', partition: 0 }

async function heldByAnother() {
  const { subscriptions } = await openStorage()
  await subscriptions.create('mine', 1, 7)
  const answer = await subscriptions.acquire(key, 'another')
  if (!answer.acquired) throw new Error('nobody else was there')
  const calls: { at: number; stale: LeaseSign | undefined }[] = []
  const store = {
    create: subscriptions.create.bind(subscriptions),
    list: subscriptions.list.bind(subscriptions),
    renew: subscriptions.renew.bind(subscriptions),
    claim: subscriptions.claim.bind(subscriptions),
    release: subscriptions.release.bind(subscriptions),
    setPaused: subscriptions.setPaused.bind(subscriptions),
    reset: subscriptions.reset.bind(subscriptions),
    rename: subscriptions.rename.bind(subscriptions),
    delete: subscriptions.delete.bind(subscriptions),
    acquire: async (...[of, owner, stale]: Parameters<typeof subscriptions.acquire>) => {
      calls.push({ at: performance.now(), stale })
      return subscriptions.acquire(of, owner, stale)
    },
  }
  return { subscriptions, store, calls, token: answer.lease.token }
}

async function openStorage() {
  const storage = memoryStorage()
  await storage.open()
  return storage
}

test('a lease is taken over only when its sign stood still for as long as a lease lasts', async () => {
  const { store, calls } = await heldByAnother()
  const holder = new LeaseHolder({ store, key, owner: 'challenger', leaseMs: 120 })
  expect(await holder.acquire(new AbortController().signal)).toMatchObject({ position: 7, paused: false })
  const [first] = calls
  const takeOver = calls.find((call) => call.stale !== undefined)
  expect((takeOver?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(120)
  expect(holder.isValid).toBe(true)
})

test('a lease that is renewed is not taken over, however long somebody waits for it', async () => {
  const { store, calls, subscriptions, token } = await heldByAnother()
  const renewing = setInterval(() => void subscriptions.renew(key, token), 10)
  const giveUp = new AbortController()
  const holder = new LeaseHolder({ store, key, owner: 'challenger', leaseMs: 90 })
  const acquiring = holder.acquire(giveUp.signal)
  await expect.poll(() => calls.length).toBeGreaterThan(8)
  clearInterval(renewing)
  giveUp.abort(new Error('enough'))
  await expect(acquiring).rejects.toThrow()
  expect(holder.isValid).toBe(false)
})

test('a lease that was given back is there at once', async () => {
  const { store, calls, subscriptions, token } = await heldByAnother()
  await subscriptions.release(key, token)
  const holder = new LeaseHolder({ store, key, owner: 'challenger', leaseMs: 60_000 })
  await holder.acquire(new AbortController().signal)
  expect(calls).toHaveLength(1)
})

test('a lease is not valid any more when it could not be renewed in time, or is another’s', async () => {
  const { store, subscriptions, token } = await heldByAnother()
  await subscriptions.release(key, token)
  const holder = new LeaseHolder({ store, key, owner: 'first', leaseMs: 100 })
  await holder.acquire(new AbortController().signal)
  await expect.poll(() => holder.isValid).toBe(false)
  expect(await holder.renew({ position: 9 })).toMatchObject({ position: 9 })
  expect(holder.isValid).toBe(true)
  await subscriptions.reset('mine', 1)
  expect(await holder.renew({ position: 10 })).toBeUndefined()
  expect(holder.isValid).toBe(false)
})
