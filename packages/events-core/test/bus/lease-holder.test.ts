import { expect, test } from 'vitest'
import { LeaseHolder } from '../../src/bus/workers/lease-holder.ts'
import { type LeaseSign, type LeaseStore, memoryStorage } from '../../src/index.ts'

const name = 'mine'

async function heldByAnother() {
  const { leases } = await openStorage()
  const answer = await leases.acquire(name, 'another')
  if (!answer.acquired) throw new Error('nobody else was there')
  const calls: { at: number; stale: LeaseSign | undefined }[] = []
  const store: LeaseStore = {
    renew: leases.renew.bind(leases),
    claim: leases.claim.bind(leases),
    release: leases.release.bind(leases),
    list: leases.list.bind(leases),
    acquire: async (...[of, owner, stale]) => {
      calls.push({ at: performance.now(), stale })
      return leases.acquire(of, owner, stale)
    },
  }
  return { leases, store, calls, lease: { name, token: answer.lease.token } }
}

async function openStorage() {
  const storage = memoryStorage()
  await storage.open()
  return storage
}

test('a lease is taken over only after its sign has stood still for as long as a lease lasts', async () => {
  const { store, calls } = await heldByAnother()
  const holder = new LeaseHolder({ store, name, owner: 'challenger', leaseMs: 120 })
  await holder.acquire(new AbortController().signal)
  const [first] = calls
  const takeOver = calls.find((call) => call.stale !== undefined)
  expect((takeOver?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(120)
  expect(holder.isValid).toBe(true)
})

test('a renewed lease is not taken over, however long another process waits for it', async () => {
  const { store, calls, leases, lease } = await heldByAnother()
  const renewing = setInterval(() => void leases.renew(lease), 10)
  const giveUp = new AbortController()
  const holder = new LeaseHolder({ store, name, owner: 'challenger', leaseMs: 90 })
  const acquiring = holder.acquire(giveUp.signal)
  await expect.poll(() => calls.length).toBeGreaterThan(8)
  clearInterval(renewing)
  giveUp.abort(new Error('enough'))
  await expect(acquiring).rejects.toThrow()
  expect(holder.isValid).toBe(false)
})

test('a released lease is available at once', async () => {
  const { store, calls, leases, lease } = await heldByAnother()
  await leases.release(lease)
  const holder = new LeaseHolder({ store, name, owner: 'challenger', leaseMs: 60_000 })
  await holder.acquire(new AbortController().signal)
  expect(calls).toHaveLength(1)
})

test('a lease is no longer valid if it could not be renewed in time, or if another process holds it', async () => {
  const { store, leases, lease } = await heldByAnother()
  await leases.release(lease)
  const holder = new LeaseHolder({ store, name, owner: 'first', leaseMs: 100 })
  await holder.acquire(new AbortController().signal)
  await expect.poll(() => holder.isValid).toBe(false)
  expect(await holder.renew()).toMatchObject({ claimed: false })
  expect(holder.isValid).toBe(true)
  const seen = await leases.acquire(name, 'second')
  expect(await leases.acquire(name, 'second', seen.acquired ? undefined : seen.sign)).toMatchObject({
    acquired: true,
  })
  expect(await holder.renew()).toBeUndefined()
  expect(holder.isValid).toBe(false)
})
