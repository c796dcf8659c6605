import { expect } from 'vitest'
import type { Lease, PartitionKey, SubscriptionStore } from '../storage/contract/subscriptions.ts'
import type { ContractTests } from './contract-context.ts'

export const MAIL: PartitionKey = { name: 'mail', partition: 0 }

/** The lease, by somebody named 'test'. */
export async function acquired(subscriptions: SubscriptionStore, key: PartitionKey): Promise<Lease> {
  const answer = await subscriptions.acquire(key, 'test')
  if (!answer.acquired) throw new Error('somebody has the lease')
  return answer.lease
}

export const leaseTests: ContractTests = {
  'a lease is had by one at a time': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 2, 7)
    const { token, ...lease } = await acquired(subscriptions, MAIL)
    expect(lease).toEqual({ position: 7, paused: false, claimed: false })
    expect(await subscriptions.acquire(MAIL, 'other')).toEqual({
      acquired: false,
      sign: { token, beat: 1 },
    })
    expect((await subscriptions.list()).map(({ owner }) => owner)).toEqual(['test', null])
    await acquired(subscriptions, { name: 'mail', partition: 1 })
  },

  'of those who want it at the same time one gets it': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 0)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => subscriptions.acquire(MAIL, `process ${index}`)),
    )
    expect(answers.filter(({ acquired }) => acquired)).toHaveLength(1)
  },

  'a partition that is not there has no lease': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 0)
    for (const key of [
      { name: 'mail', partition: 1 },
      { name: 'post', partition: 0 },
    ]) {
      await expect(subscriptions.acquire(key, 'test')).rejects.toHaveProperty('code', 'EVENTS_NOT_FOUND')
      expect(await subscriptions.renew(key, 1, { position: 5 })).toBeUndefined()
      await subscriptions.release(key, 1)
    }
  },

  'a lease whose sign still is what was seen is taken over': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 7)
    const { token } = await acquired(subscriptions, MAIL)
    const sign = { token, beat: 1 }
    const answer = await subscriptions.acquire(MAIL, 'other', sign)
    expect(answer).toEqual({
      acquired: true,
      lease: { token: token + 1, position: 7, paused: false, claimed: false },
    })
    // It has moved: the same sign takes nothing any more.
    expect(await subscriptions.acquire(MAIL, 'third', sign)).toMatchObject({ acquired: false })
  },

  'a holder that renews is not taken over': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 7)
    const { token } = await acquired(subscriptions, MAIL)
    const seen = await subscriptions.acquire(MAIL, 'other')
    expect(await subscriptions.renew(MAIL, token)).toEqual({
      token,
      position: 7,
      paused: false,
      claimed: false,
    })
    const stale = seen.acquired ? undefined : seen.sign
    expect(await subscriptions.acquire(MAIL, 'other', stale)).toEqual({
      acquired: false,
      sign: { token, beat: (stale?.beat ?? 0) + 1 },
    })
  },

  'of those who take a lease over at the same time one gets it': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 0)
    const { token } = await acquired(subscriptions, MAIL)
    const sign = { token, beat: 1 }
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => subscriptions.acquire(MAIL, `process ${index}`, sign)),
    )
    expect(answers.filter(({ acquired }) => acquired)).toHaveLength(1)
  },

  'a lease that was claimed goes to the claimant when it is given back': async ({ storage }) => {
    const { subscriptions } = storage
    await subscriptions.create('mail', 2, 7)
    const { token } = await acquired(subscriptions, MAIL)
    expect(await subscriptions.claim(MAIL, 'nobody', 'other')).toBe(false)
    expect(await subscriptions.claim(MAIL, 'test', 'other')).toBe(true)
    expect(await subscriptions.claim(MAIL, 'test', 'third')).toBe(false)
    expect(await subscriptions.list('mail')).toMatchObject([
      { owner: 'test', claim: 'other' },
      { claim: null },
    ])
    expect(await subscriptions.renew(MAIL, token)).toMatchObject({ token, claimed: true })
    expect(await subscriptions.acquire(MAIL, 'other')).toMatchObject({ acquired: false })
    await subscriptions.release(MAIL, token)
    for (const owner of ['test', 'third'])
      expect(await subscriptions.acquire(MAIL, owner)).toMatchObject({ acquired: false })
    const answer = await subscriptions.acquire(MAIL, 'other')
    expect(answer).toMatchObject({ acquired: true, lease: { position: 7, claimed: false } })
    expect(await subscriptions.list('mail')).toMatchObject([{ owner: 'other', claim: null }, {}])
  },

  'a claimant that never comes keeps nobody from it': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 7)
    const { token } = await acquired(subscriptions, MAIL)
    await subscriptions.claim(MAIL, 'test', 'gone')
    await subscriptions.release(MAIL, token)
    const seen = await subscriptions.acquire(MAIL, 'other')
    const stale = seen.acquired ? undefined : seen.sign
    expect(await subscriptions.acquire(MAIL, 'other', stale)).toMatchObject({ acquired: true })
  },

  'a lease that was given back is free': async ({ storage: { subscriptions } }) => {
    await subscriptions.create('mail', 1, 0)
    const { token } = await acquired(subscriptions, MAIL)
    await subscriptions.renew(MAIL, token, { position: 4 })
    await subscriptions.release(MAIL, token)
    expect(await acquired(subscriptions, MAIL)).toEqual({
      token: token + 1,
      position: 4,
      paused: false,
      claimed: false,
    })
    // By one who has it no more it is not given back.
    await subscriptions.release(MAIL, token)
    expect(await subscriptions.acquire(MAIL, 'other')).toMatchObject({ acquired: false })
  },
}
