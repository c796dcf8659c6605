import { expect } from 'vitest'
import { EventsError } from '../errors.ts'
import type { DeadLetterStore } from '../storage/contract/dead-letters.ts'
import type { EventMaintenance, EventQueries, EventStorage } from '../storage/contract/storage.ts'
import type { SubscriptionStore } from '../storage/contract/subscriptions.ts'
import type { ContractTests } from './contract-context.ts'
import { idsOf, listAll } from './reading.ts'
import { makeRecord, makeRecords } from './record.ts'

type Calls<Method extends string> = Readonly<Record<Method, (storage: EventStorage) => Promise<unknown>>>

const LOG_CALLS: Calls<keyof (EventQueries & EventMaintenance) | 'append' | 'read' | 'head'> = {
  append: (storage) => storage.append([makeRecord()]),
  read: (storage) => storage.read({ after: 0, limit: 10 }),
  head: (storage) => storage.head(),
  list: (storage) => storage.list({ limit: 10 }),
  get: (storage) => storage.get('a'),
  count: (storage) => storage.count(),
  totals: (storage) => storage.totals(),
  delete: (storage) => storage.delete('a'),
  deleteMatching: (storage) => storage.deleteMatching({}),
  clear: (storage) => storage.clear(),
  sweepExpired: (storage) => storage.sweepExpired(),
  trim: (storage) => storage.trim({ maxEvents: 1 }),
}

/** The calls, in an order in which all succeed. */
const SUBSCRIPTION_CALLS: Calls<keyof SubscriptionStore> = {
  create: ({ subscriptions }) => subscriptions.create('a', 1, 0),
  list: ({ subscriptions }) => subscriptions.list(),
  setPaused: ({ subscriptions }) => subscriptions.setPaused('a', true),
  reset: ({ subscriptions }) => subscriptions.reset('a', 0),
  rename: ({ subscriptions }) => subscriptions.rename('a', 'b'),
  delete: ({ subscriptions }) => subscriptions.delete('b'),
}

const DEAD_LETTER_CALLS: Calls<keyof DeadLetterStore> = {
  list: ({ deadLetters }) => deadLetters.list({ limit: 10 }),
  delete: ({ deadLetters }) => deadLetters.delete({}),
  requestRetry: ({ deadLetters }) => deadLetters.requestRetry({}, 1),
  cancelRetry: ({ deadLetters }) => deadLetters.cancelRetry({}),
  retryRequests: ({ deadLetters }) => deadLetters.retryRequests('a', 1),
}

const ALL_CALLS = Object.entries({
  store: LOG_CALLS,
  subscriptions: SUBSCRIPTION_CALLS,
  deadLetters: DEAD_LETTER_CALLS,
}).flatMap(([part, calls]) =>
  Object.entries(calls).map(([method, call]) => ({ method: `${part}.${method}`, call })),
)

/** The same rule for every method. */
const closed: ContractTests = {
  'every method is rejected before the store is opened': async (context) => {
    await expectAllRefused(await context.create())
  },

  'every method works while the store is open and is rejected once it is closed': async (context) => {
    const storage = await context.create()
    await storage.open()
    for (const { call } of ALL_CALLS) await call(storage)
    await storage.close()
    await expectAllRefused(storage)
  },
}

const opening: ContractTests = {
  'a store has a name and shows whether it is persistent': async (context) => {
    const { storage } = context
    expect(storage.name).toMatch(/^\S+$/)
    expect(storage.persistent).toBeTypeOf('boolean')
    // Otherwise nothing would test whether it is true.
    if (storage.persistent) await (await context.reopen(storage)).close()
  },

  'opening an open store changes nothing': async ({ storage }) => {
    await storage.append([makeRecord({ id: 'a' })])
    const head = await storage.head()
    await storage.open()
    expect(await storage.head()).toEqual(head)
    expect(idsOf(await listAll(storage))).toEqual(['a'])
  },

  'opening twice at the same time opens once': async (context) => {
    const storage = await context.create()
    await Promise.all([storage.open(), storage.open()])
    await storage.append(makeRecords(2))
    expect(await storage.count()).toBe(2)
    await storage.close()
  },

  'closing twice, even at the same time, or closing an unopened store, has no effect': async (context) => {
    await Promise.all([context.storage.close(), context.storage.close()])
    await context.storage.close()
    await (await context.create()).close()
  },

  'a closed store can be opened again': async ({ storage }) => {
    for (let round = 1; round <= 2; round++) {
      const { receipts } = await storage.append([makeRecord({ id: `round ${round}` })])
      expect(receipts[0]?.duplicate).toBe(false)
      expect((await storage.get(`round ${round}`))?.id).toBe(`round ${round}`)
      await storage.close()
      await storage.open()
    }
  },

  'a watcher can be added and removed, and is removed when the store is closed': async ({ storage }) => {
    const unwatch = storage.watch(() => {})
    await storage.append(makeRecords(2))
    unwatch()
    unwatch()
    storage.watch(() => {})
    await storage.close()
    await storage.open()
    expect(await storage.count()).toBe(2)
  },

  'every call settles when the store is closed': async ({ storage }) => {
    const calls = [
      ...makeRecords(20).map((record) => storage.append([record])),
      ...Object.values({ ...LOG_CALLS, ...DEAD_LETTER_CALLS }).map((call) => call(storage)),
    ]
    const [outcomes] = await Promise.all([Promise.allSettled(calls), storage.close()])
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expectNotRunning(outcome.reason)
    }
    expect(outcomes).toHaveLength(calls.length)
  },
}

async function expectAllRefused(storage: EventStorage): Promise<void> {
  for (const { method, call } of ALL_CALLS) {
    const error: unknown = await call(storage).then(
      () => 'an answer',
      (reason: unknown) => reason,
    )
    expectNotRunning(error, method)
  }
}

function expectNotRunning(error: unknown, method?: string): void {
  expect(error, method).toBeInstanceOf(EventsError)
  expect(error, method).toHaveProperty('code', 'EVENTS_NOT_RUNNING')
}

export const lifeCycleTests: ContractTests = { ...opening, ...closed }
