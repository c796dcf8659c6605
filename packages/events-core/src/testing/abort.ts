import { expect } from 'vitest'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { ContractTests } from './contract-context.ts'
import { makeRecords } from './record.ts'

const TEXT = 'not there'
const EVENTS = 1_000
const SEARCHES = 20

const CALLS: Readonly<Record<string, (storage: EventStorage, signal: AbortSignal) => Promise<unknown>>> = {
  read: (storage, signal) => storage.read({ after: 0, limit: 10, filter: { text: TEXT } }, { signal }),
  list: (storage, signal) => storage.list({ limit: 10, filter: { text: TEXT } }, { signal }),
  'list with a deep offset': (storage, signal) => storage.list({ limit: 1, offset: 1e9 }, { signal }),
  count: (storage, signal) => storage.count({ text: TEXT }, { signal }),
  totals: (storage, signal) => storage.totals({ signal }),
  deleteMatching: (storage, signal) => storage.deleteMatching({ text: TEXT }, { signal }),
}

/** A minimal AbortSignal, as web pages, jsdom and polyfills may have it. */
function foreignSignal(aborted: boolean, reason: unknown): AbortSignal {
  // The options' type requires this realm's class.
  return Object.assign(new EventTarget(), { aborted, reason }) as AbortSignal
}

export const abortTests: ContractTests = {
  'a call with an aborted signal does nothing and rejects with its reason': async ({ storage }) => {
    await storage.append(makeRecords(3, { message: 'a' }))
    const reason = new Error('nobody waits')
    const signal = AbortSignal.abort(reason)
    for (const [name, call] of Object.entries(CALLS)) {
      await expect(call(storage, signal), name).rejects.toBe(reason)
    }
    await expect(storage.deleteMatching({}, { signal })).rejects.toBe(reason)
    expect(await storage.count()).toBe(3)
  },

  'a signal of another realm, without throwIfAborted, works too': async ({ storage }) => {
    await storage.append(makeRecords(3, { message: 'a' }))
    const reason = new Error('nobody waits')
    for (const [name, call] of Object.entries(CALLS)) {
      await call(storage, foreignSignal(false, undefined))
      await expect(call(storage, foreignSignal(true, reason)), name).rejects.toBe(reason)
    }
  },

  'a signal that does not abort changes nothing': async ({ storage }) => {
    await storage.append(makeRecords(3))
    const { signal } = new AbortController()
    expect(await storage.count({}, { signal })).toBe(3)
    expect((await storage.list({ limit: 10 }, { signal })).events).toHaveLength(3)
    expect((await storage.read({ after: 0, limit: 10 }, { signal })).events).toHaveLength(3)
    expect((await storage.totals({ signal })).total).toBe(3)
    expect(await storage.deleteMatching({}, { signal })).toBe(3)
  },

  'aborted searches reject with the reason, and the store keeps working': async ({ storage }) => {
    await storage.append(makeRecords(EVENTS))
    const controller = new AbortController()
    const reason = new Error('nobody waits')
    const calls = Array.from({ length: SEARCHES }, () => storage.count({ text: TEXT }, controller))
    const outcomes = Promise.allSettled(calls)
    // A memory store has answered all calls by then.
    await storage.head()
    controller.abort(reason)
    for (const outcome of await outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBe(reason)
    }
    expect((await storage.list({ limit: 1, filter: { minPriority: 1 } })).total).toBe(EVENTS)
  },

  'an aborted delete leaves the store as if fewer events had matched': async ({ storage }) => {
    await storage.append(makeRecords(EVENTS))
    const controller = new AbortController()
    const deleting = storage.deleteMatching({ minPriority: 1 }, controller)
    await storage.head()
    controller.abort()
    await deleting.catch((error: unknown) => expect(error).toBe(controller.signal.reason))
    const { events, total } = await storage.list({ limit: 10_000 })
    expect(total).toBe(events.length)
    expect((await storage.totals()).total).toBe(events.length)
    expect(await storage.deleteMatching({})).toBe(events.length)
  },
}
