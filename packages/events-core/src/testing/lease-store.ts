import { expect } from 'vitest'
import type { LeaseSign } from '../storage/contract/leases.ts'
import { partitionLease } from '../storage/contract/partition-lease.ts'
import type { ContractContext, ContractTests } from './contract-context.ts'
import { acquired, holderOf, PARTITION, takeOver } from './holder.ts'

type Context = ContractContext
type Tests = ContractTests

/** Returns the sign of a held lease, as another process sees it. */
async function signOf({ storage: { leases } }: Context, name: string): Promise<LeaseSign> {
  const answer = await leases.acquire(name, 'onlooker')
  if (answer.acquired) throw new Error(`nobody held '${name}'`)
  return answer.sign
}

async function expectLost({ storage }: Context, lease: { name: string; token: number }): Promise<void> {
  expect(await storage.leases.renew(lease)).toBeUndefined()
  expect(await storage.commit(lease, {})).toEqual({ committed: false, reason: 'lease_lost' })
}

const holding: Tests = {
  'a lease of any name is held by one process at a time': async (context) => {
    const { storage, scope } = context
    const lease = await acquired(storage, `${scope}a`)
    expect((await signOf(context, lease.name)).token).toBe(lease.token)
    expect(await storage.leases.list(scope)).toEqual([{ name: lease.name, owner: 'test', claim: null }])
    await acquired(storage, `${scope}b`)
  },

  'the holder of a lease can renew it': async ({ storage, scope }) => {
    const lease = await acquired(storage, `${scope}a`)
    for (let time = 0; time < 3; time++)
      expect(await storage.leases.renew(lease)).toEqual({ token: lease.token, claimed: false })
  },

  'of processes that acquire a lease at the same time, one succeeds': async ({
    storage: { leases },
    scope,
  }) => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => leases.acquire(`${scope}a`, `process ${index}`)),
    )
    expect(answers.filter(({ acquired }) => acquired)).toHaveLength(1)
  },

  'leases that were never held begin with unpredictable tokens': async ({ storage, scope }) => {
    const tokens = new Set<number>()
    for (let index = 0; index < 8; index++) tokens.add((await acquired(storage, `${scope}${index}`)).token)
    expect(tokens.size).toBe(8)
    expect(Math.max(...tokens) - Math.min(...tokens)).toBeGreaterThan(8)
  },

  'a lease that is not held can be neither renewed nor claimed, and allows no commit': async (context) => {
    const lease = { name: `${context.scope}a`, token: 1 }
    await expectLost(context, lease)
    expect(await context.storage.leases.claim(lease.name, 'test', 'other')).toBe(false)
    await context.storage.leases.release(lease)
    expect(await context.storage.leases.list(context.scope)).toEqual([])
  },

  'a token is valid only for its own lease': async (context) => {
    const { token } = await acquired(context.storage, `${context.scope}a`)
    await acquired(context.storage, `${context.scope}b`)
    await expectLost(context, { name: `${context.scope}b`, token })
  },
}

const takingOver: Tests = {
  'a lease whose sign has not changed can be taken over, and its holder loses it': async (context) => {
    const { storage, scope } = context
    const lease = await acquired(storage, `${scope}a`)
    const sign = await signOf(context, lease.name)
    const answer = await storage.leases.acquire(lease.name, 'other', sign)
    expect(answer).toMatchObject({ acquired: true, lease: { claimed: false } })
    await expectLost(context, lease)
    await storage.leases.release(lease)
    expect(await storage.leases.list(scope)).toEqual([{ name: lease.name, owner: 'other', claim: null }])
    // The sign has changed: the old one no longer acquires the lease.
    expect(await storage.leases.acquire(lease.name, 'third', sign)).toMatchObject({ acquired: false })
  },

  'a lease whose holder renews or commits is not taken over': async (context) => {
    const { storage, scope } = context
    const lease = await acquired(storage, `${scope}a`)
    for (const live of [() => storage.leases.renew(lease), () => storage.commit(lease, {})]) {
      const sign = await signOf(context, lease.name)
      await live()
      expect(await storage.leases.acquire(lease.name, 'other', sign)).toMatchObject({ acquired: false })
    }
  },

  'of processes that take over a lease at the same time, one succeeds': async (context) => {
    const lease = await acquired(context.storage, `${context.scope}a`)
    const sign = await signOf(context, lease.name)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        context.storage.leases.acquire(lease.name, `process ${index}`, sign),
      ),
    )
    expect(answers.filter(({ acquired }) => acquired)).toHaveLength(1)
  },

  'a sign from before a release takes nothing from the next holder': async (context) => {
    const { storage, scope } = context
    const lease = await acquired(storage, `${scope}a`)
    const sign = await signOf(context, lease.name)
    await storage.leases.release(lease)
    await acquired(storage, lease.name)
    expect(await storage.leases.acquire(lease.name, 'other', sign)).toMatchObject({ acquired: false })
  },
}

const handingOver: Tests = {
  'a claimed lease goes to the claimant when it is released': async ({ storage, scope }) => {
    const { leases } = storage
    const lease = await acquired(storage, `${scope}a`)
    expect(await leases.claim(lease.name, 'nobody', 'other')).toBe(false)
    expect(await leases.claim(lease.name, 'test', 'other')).toBe(true)
    expect(await leases.claim(lease.name, 'test', 'third')).toBe(false)
    expect(await leases.list(scope)).toEqual([{ name: lease.name, owner: 'test', claim: 'other' }])
    expect(await leases.renew(lease)).toEqual({ token: lease.token, claimed: true })
    expect(await storage.commit(lease, {})).toMatchObject({ lease: { claimed: true } })
    expect(await leases.acquire(lease.name, 'other')).toMatchObject({ acquired: false })
    await leases.release(lease)
    expect(await leases.list(scope)).toEqual([{ name: lease.name, owner: null, claim: 'other' }])
    for (const owner of ['test', 'third'])
      expect(await leases.acquire(lease.name, owner)).toMatchObject({ acquired: false })
    expect(await leases.acquire(lease.name, 'other')).toMatchObject({
      acquired: true,
      lease: { claimed: false },
    })
    expect(await leases.list(scope)).toEqual([{ name: lease.name, owner: 'other', claim: null }])
  },

  'a claimant that never acquires the lease does not block others': async (context) => {
    const { storage, scope } = context
    const lease = await acquired(storage, `${scope}a`)
    await storage.leases.claim(lease.name, 'test', 'gone')
    await storage.leases.release(lease)
    const sign = await signOf(context, lease.name)
    expect(await storage.leases.acquire(lease.name, 'other', sign)).toMatchObject({ acquired: true })
  },

  'a released lease is free, and its token is invalid': async (context) => {
    const { storage, scope } = context
    for (const claimant of [undefined, 'test']) {
      const lease = await acquired(storage, `${scope}a`)
      if (claimant !== undefined) await storage.leases.claim(lease.name, 'test', claimant)
      await storage.leases.release(lease)
      await expectLost(context, lease)
      const next = await acquired(storage, lease.name)
      expect(next.token).not.toBe(lease.token)
      // A process that no longer holds the lease cannot release it.
      await storage.leases.release(lease)
      expect(await storage.leases.renew(next)).toBeDefined()
      await storage.leases.release(next)
    }
    expect(await storage.leases.list(scope)).toEqual([])
  },
}

const ODD_NAMES = ['%', '_', '\\', 'a', 'A', 'é', 'e\u0301', "it's", '"', '\uffff', '\u{10000}', '__proto__']

const naming: Tests = {
  'names may be any strings and are listed by code point': async ({ storage, scope }) => {
    for (const name of ODD_NAMES.toReversed()) await acquired(storage, scope + name)
    const expected = ODD_NAMES.map((name) => [...name].map((character) => character.codePointAt(0) ?? 0))
    const listed = (await storage.leases.list(scope)).map(({ name }) => name.slice(scope.length))
    expect(listed.toSorted()).toEqual(ODD_NAMES.toSorted())
    const codes = listed.map((name) => [...name].map((character) => character.codePointAt(0) ?? 0))
    expect(codes).toEqual(expected.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0) || a.length - b.length))
  },

  'a prefix has no wildcards and respects case': async ({ storage, scope }) => {
    for (const name of ['%a', '_a', '\\a', 'xa', 'a', '*a']) await acquired(storage, scope + name)
    for (const prefix of ['%', '_', '\\', '*', 'x', '%a']) {
      const names = (await storage.leases.list(scope + prefix)).map(({ name }) => name)
      expect(names).toEqual([`${scope}${prefix}`.padEnd(scope.length + 2, 'a')])
    }
    expect(await storage.leases.list(`${scope}A`)).toEqual([])
  },
}

const MAIL = partitionLease(PARTITION)

/** The effects of changes of a subscription on the leases of its partitions. */
const ofSubscriptions: Tests = {
  'a partition shows the holder and the claimant of its lease': async ({ storage }) => {
    await storage.subscriptions.create('mail', 2, 0)
    expect(await storage.subscriptions.list('mail')).toMatchObject([{ owner: null, claim: null }, {}])
    await acquired(storage, MAIL)
    await storage.leases.claim(MAIL, 'test', 'other')
    expect(await storage.subscriptions.list('mail')).toMatchObject([
      { owner: 'test', claim: 'other' },
      { owner: null, claim: null },
    ])
  },

  'a reset, a rename and a deletion revoke leases from holders and claimants': async (context) => {
    const { storage } = context
    const { subscriptions } = storage
    const changes = {
      reset: () => subscriptions.reset('mail', 5),
      rename: () => subscriptions.rename('mail', 'post'),
      delete: () => subscriptions.delete('mail'),
    }
    for (const [change, make] of Object.entries(changes)) {
      const { lease } = await holderOf(storage)
      await storage.leases.claim(MAIL, 'test', 'claimant')
      expect(await make(), change).toBe(true)
      await expectLost(context, lease)
      expect(await storage.leases.list('subscription:'), change).toEqual([])
      for (const name of ['mail', 'post']) await subscriptions.delete(name)
      await subscriptions.create('mail', 1, 0)
      await expectLost(context, lease)
      await subscriptions.delete('mail')
    }
  },

  'a rename revokes leases of the new name too': async (context) => {
    const { storage } = context
    await storage.subscriptions.create('mail', 1, 0)
    const early = await acquired(storage, partitionLease({ name: 'post', partition: 0 }))
    await storage.subscriptions.rename('mail', 'post')
    await expectLost(context, early)
  },

  'a change of a subscription leaves the leases of one whose name begins alike': async ({ storage }) => {
    const holders = []
    for (const name of ['mail', 'mail:0', 'mai', 'Mail', 'mail:0:0', 'ma_l', '%'])
      holders.push(await holderOf(storage, { name, partition: 0 }))
    await storage.subscriptions.reset('mail', 5)
    await storage.subscriptions.delete('%')
    await storage.subscriptions.rename('ma_l', 'other')
    const renewed = []
    for (const { lease } of holders) if (await storage.leases.renew(lease)) renewed.push(lease.name)
    expect(renewed).toEqual(['mail:0', 'mai', 'Mail', 'mail:0:0'].map((name) => `subscription:${name}:0`))
  },

  'a holder whose lease was taken over learns of it': async (context) => {
    const { lease } = await holderOf(context.storage)
    const taken = await takeOver(context.storage, lease.name)
    await expectLost(context, lease)
    expect(await context.storage.leases.renew(taken)).toMatchObject({ token: taken.token })
  },
}

export const leaseStoreTests: Tests = {
  ...holding,
  ...takingOver,
  ...handingOver,
  ...naming,
  ...ofSubscriptions,
}
