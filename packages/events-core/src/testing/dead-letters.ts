import { expect } from 'vitest'
import { formatTimestamp } from '../event/timestamp.ts'
import type { DeadLetter, DeadLetterStore } from '../storage/contract/dead-letters.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { ContractTests } from './contract-context.ts'
import { makeFailure } from './failure.ts'
import { holderOf, PARTITION, park } from './holder.ts'

const parking: ContractTests = {
  'a failure is kept with its event and all its details': async ({ storage, clock }) => {
    const { deadLetters } = storage
    const data = { b: 1, a: [1.5, null, { nested: 'é\u0000\ud800' }], __proto__x: 1e308 }
    const event = { type: 'scan.failed', data, tags: ['x'], ttl: 5, correlation_id: 'c' }
    const failure = makeFailure({ event, stack: 'at line 1', attempts: 5 })
    await park(storage, failure)
    const time = formatTimestamp(clock.now())
    const [letter] = await allOf(deadLetters)
    const { attempts, subscription, error, stack } = failure
    const known = { subscription, error, stack, attempts, event: failure.event }
    const times = { first_failed_at: time, last_failed_at: time }
    expect(letter).toStrictEqual({ id: letter?.id, ...known, ...times, retrying: false })
    expect(JSON.stringify(letter?.event)).toBe(JSON.stringify(failure.event))
  },

  'a dead letter that fails again has the new error and the sum of attempts': async ({ storage, clock }) => {
    const { deadLetters } = storage
    const event = { id: 'a' }
    await park(storage, makeFailure({ event, error: 'first', stack: 'old', attempts: 3 }))
    const [before] = await allOf(deadLetters)
    await deadLetters.requestRetry({}, 10)
    clock.advance(1_000)
    await park(storage, makeFailure({ event, error: 'second', attempts: 2 }))
    const time = formatTimestamp(clock.now())
    expect(await allOf(deadLetters)).toEqual([
      { ...before, error: 'second', stack: null, attempts: 5, last_failed_at: time, retrying: false },
    ])
  },

  'each subscription has its own dead letter for an event': async ({ storage }) => {
    const { deadLetters } = storage
    const event = { id: 'a' }
    await park(storage, makeFailure({ subscription: 'mail', event }))
    await park(storage, makeFailure({ subscription: 'post', event, attempts: 1 }))
    expect((await allOf(deadLetters)).map((letter) => [letter.subscription, letter.attempts])).toEqual([
      ['post', 1],
      ['mail', 3],
    ])
  },

  'a failure of a partition is kept only while its lease is held': async ({ storage }) => {
    const { deadLetters, subscriptions } = storage
    const holder = await holderOf(storage)
    const checkpoint = PARTITION
    const failing = (id: string) => holder.commit({ checkpoint, failures: [makeFailure({ event: { id } })] })
    expect(await failing('a')).toMatchObject({ committed: true })
    await subscriptions.delete('mail')
    const lost = { committed: false, reason: 'lease_lost' }
    expect(await failing('b')).toEqual(lost)
    await subscriptions.create('mail', 1, 0)
    expect(await failing('c')).toEqual(lost)
    expect(await allOf(deadLetters)).toEqual([])
  },

  'concurrent failures of one event make one dead letter': async ({ storage }) => {
    const { deadLetters } = storage
    const failures = Array.from({ length: 10 }, () => makeFailure({ event: { id: 'a' }, attempts: 2 }))
    await Promise.all(failures.map((failure) => park(storage, failure)))
    expect(await allOf(deadLetters)).toMatchObject([{ attempts: 20 }])
  },

  'an error and its stack may contain any characters': async ({ storage }) => {
    const { deadLetters } = storage
    const texts = [
      '',
      '\u0000',
      'a\u0000b',
      '\ud800',
      'x\udc00y',
      '😀',
      '\ufdd0',
      '\ue000',
      "it's",
      '\\u0000',
      '"',
    ]
    for (const [index, text] of texts.entries()) {
      await park(storage, makeFailure({ event: { id: `${index}` }, error: text, stack: text }))
    }
    const letters = (await allOf(deadLetters)).toReversed()
    expect(letters.map(({ error, stack }) => [error, stack])).toEqual(texts.map((text) => [text, text]))
  },
}

const listing: ContractTests = {
  'a page of large dead letters ends early, and the next page continues after it': async ({ storage }) => {
    const { deadLetters } = storage
    const data = { text: 'x'.repeat(250_000) }
    for (let number = 0; number < 40; number++)
      await park(storage, makeFailure({ event: { id: `${number}`, data } }))
    const first = await deadLetters.list({ limit: 1_000 })
    expect(first.deadLetters.length).toBeLessThan(40)
    expect(first.next).toBe(first.deadLetters.at(-1)?.id)
    const second = await deadLetters.list({ limit: 1_000, ...(first.next && { after: first.next }) })
    expect(first.deadLetters.length + second.deadLetters.length).toBe(40)
    expect(second).not.toHaveProperty('next')
  },

  'dead letters are listed newest first, each on exactly one page': async ({ storage, clock }) => {
    const { deadLetters } = storage
    await parkAll(storage, 7)
    // The order is that of the failures, although all but these have the same time.
    clock.advance(1_000)
    await park(storage, makeFailure({ event: { id: '7' } }))
    const ids: string[] = []
    for (let after: string | undefined, more = true; more; ) {
      const page = await deadLetters.list({ limit: 3, ...(after !== undefined && { after }) })
      expect(page.total).toBe(8)
      ids.push(...page.deadLetters.map(({ event }) => event.id))
      expect(page.next).toBe(ids.length < 8 ? page.deadLetters.at(-1)?.id : undefined)
      after = page.next
      more = after !== undefined
    }
    expect(ids).toEqual(['7', '6', '5', '4', '3', '2', '1', '0'])
  },

  'the last page has no next, even if it is full': async ({ storage }) => {
    const { deadLetters } = storage
    await parkAll(storage, 4)
    const first = await deadLetters.list({ limit: 2 })
    const second = await deadLetters.list({ limit: 2, after: first.next ?? '' })
    expect(second.deadLetters).toHaveLength(2)
    expect(second.next).toBeUndefined()
  },

  'dead letters are found by id, subscription, type and combinations of these': async ({ storage }) => {
    const { deadLetters } = storage
    for (const [subscription, type] of [
      ['mail', 'a'],
      ['mail', 'a.b'],
      ['post', 'a'],
    ] as const) {
      await park(storage, makeFailure({ subscription, event: { id: `${subscription} ${type}`, type } }))
    }
    const idsOf = async (filter: Parameters<DeadLetterStore['delete']>[0]) => {
      const { deadLetters: letters, total } = await deadLetters.list({ filter, limit: 10 })
      expect(total).toBe(letters.length)
      return letters.map(({ event }) => event.id)
    }
    const id = (await allOf(deadLetters))[0]?.id ?? ''
    expect(await idsOf({})).toHaveLength(3)
    expect(await idsOf({ id })).toEqual(['post a'])
    expect(await idsOf({ subscription: 'mail' })).toEqual(['mail a.b', 'mail a'])
    expect(await idsOf({ type: 'a' })).toEqual(['post a', 'mail a'])
    expect(await idsOf({ subscription: 'mail', type: 'a' })).toEqual(['mail a'])
    expect(await idsOf({ id, type: 'a.b' })).toEqual([])
  },

  'delete removes the matching dead letters': async ({ storage }) => {
    const { deadLetters } = storage
    await parkAll(storage, 3)
    await park(storage, makeFailure({ subscription: 'post' }))
    const id = (await allOf(deadLetters)).at(-1)?.id ?? ''
    expect(await deadLetters.delete({ id })).toBe(1)
    expect(await deadLetters.delete({ id })).toBe(0)
    expect(await deadLetters.delete({ subscription: 'mail' })).toBe(2)
    expect(await deadLetters.delete({})).toBe(1)
    expect(await deadLetters.list({ limit: 10 })).toEqual({ deadLetters: [], total: 0 })
  },

  'a dead letter outlives its event': async ({ storage }) => {
    await park(storage, makeFailure({ event: { id: 'a' } }))
    await storage.clear()
    expect(await allOf(storage.deadLetters)).toMatchObject([{ event: { id: 'a' } }])
  },
}

const retrying: ContractTests = {
  'retries are requested oldest first, up to a limit, and each once': async ({ storage }) => {
    const { deadLetters } = storage
    await parkAll(storage, 5)
    expect(await deadLetters.requestRetry({}, 2)).toBe(2)
    expect(await requestedOf(deadLetters)).toEqual(['0', '1'])
    expect(await deadLetters.requestRetry({}, 2)).toBe(2)
    expect(await deadLetters.requestRetry({}, 2)).toBe(1)
    expect(await deadLetters.requestRetry({}, 2)).toBe(0)
    expect(await requestedOf(deadLetters)).toEqual(['0', '1', '2', '3', '4'])
    expect((await allOf(deadLetters)).every((letter) => letter.retrying)).toBe(true)
  },

  'retryRequests returns those of the subscription, oldest first, up to a limit': async ({ storage }) => {
    const { deadLetters } = storage
    await parkAll(storage, 4)
    await park(storage, makeFailure({ subscription: 'post', event: { id: '9' } }))
    await deadLetters.requestRetry({}, 10)
    const requests = await deadLetters.retryRequests('mail', 3)
    expect(requests).toEqual((await allOf(deadLetters)).toReversed().slice(0, 3))
    expect(await deadLetters.retryRequests('post', 3)).toMatchObject([{ event: { id: '9' }, retrying: true }])
    expect(await deadLetters.retryRequests('none', 3)).toEqual([])
  },

  'retries are requested and cancelled only for matching dead letters': async ({ storage }) => {
    const { deadLetters } = storage
    await parkAll(storage, 3)
    await park(storage, makeFailure({ subscription: 'post' }))
    expect(await deadLetters.requestRetry({ subscription: 'mail' }, 10)).toBe(3)
    const id = (await allOf(deadLetters)).at(-1)?.id ?? ''
    expect(await deadLetters.cancelRetry({ id })).toBe(1)
    expect(await deadLetters.cancelRetry({ id })).toBe(0)
    expect(await requestedOf(deadLetters)).toEqual(['1', '2'])
    expect(await deadLetters.cancelRetry({})).toBe(2)
    expect(await requestedOf(deadLetters)).toEqual([])
    expect(await deadLetters.list({ limit: 1 })).toMatchObject({ total: 4 })
  },
}

/** Returns all dead letters, newest first. */
async function allOf(deadLetters: DeadLetterStore): Promise<readonly DeadLetter[]> {
  const page = await deadLetters.list({ limit: 1_000 })
  expect(page.total).toBe(page.deadLetters.length)
  return page.deadLetters
}

/** Creates dead letters of the events '0', '1', … for the subscription 'mail'. */
async function parkAll(storage: EventStorage, count: number): Promise<void> {
  for (let id = 0; id < count; id++) await park(storage, makeFailure({ event: { id: `${id}` } }))
}

async function requestedOf(deadLetters: DeadLetterStore): Promise<readonly string[]> {
  return (await deadLetters.retryRequests('mail', 100)).map(({ event }) => event.id)
}

export const deadLetterTests: ContractTests = { ...parking, ...listing, ...retrying }
