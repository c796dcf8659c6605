import { expect } from 'vitest'
import type { DocumentStore } from '../storage/contract/documents.ts'
import type { KeyedStateStore } from '../storage/contract/keyed-state.ts'
import type { LeaseStore } from '../storage/contract/leases.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { ContractTests } from './contract-context.ts'
import { PARTITION } from './holder.ts'

type Calls<Method extends string> = Readonly<Record<Method, (storage: EventStorage) => Promise<unknown>>>

const LEASE = { name: 'a', token: 1 }

const DOCUMENT_CALLS: Calls<Exclude<keyof DocumentStore, 'watch'>> = {
  get: ({ documents }) => documents.get('a', 'a'),
  list: ({ documents }) => documents.list('a', { limit: 1 }),
  put: ({ documents }) => documents.put('a', 'a', 1),
  delete: ({ documents }) => documents.delete('a', 'a'),
}
const LEASE_CALLS: Calls<keyof LeaseStore> = {
  acquire: ({ leases }) => leases.acquire('a', 'test'),
  renew: ({ leases }) => leases.renew(LEASE),
  claim: ({ leases }) => leases.claim('a', 'test', 'other'),
  release: ({ leases }) => leases.release(LEASE),
  list: ({ leases }) => leases.list(''),
}
const STATE_CALLS: Calls<keyof KeyedStateStore> = {
  read: ({ state }) => state.read(PARTITION, ['a']),
  due: ({ state }) => state.due(PARTITION, 1, 1),
  nextDue: ({ state }) => state.nextDue(PARTITION),
  oldest: ({ state }) => state.oldest(PARTITION, 1),
  size: ({ state }) => state.size(PARTITION),
}
const OWN_CALLS: Calls<'commit' | 'series'> = {
  commit: (storage) => storage.commit(LEASE, {}),
  series: (storage) => storage.series({ sinceMs: 0, untilMs: 60_000, unit: 'minute' }),
}

const CALLS = Object.entries({
  documents: DOCUMENT_CALLS,
  leases: LEASE_CALLS,
  state: STATE_CALLS,
  store: OWN_CALLS,
}).flatMap(([part, calls]) =>
  Object.entries(calls).map(([method, call]) => ({ method: `${part}.${method}`, call })),
)

/** The same rule for every method. */
export const commitLifeCycleTests: ContractTests = {
  'every method works while the store is open and is rejected before and after': async (context) => {
    const storage = await context.create()
    await expectAllRefused(storage)
    await storage.open()
    for (const { call } of CALLS) await call(storage)
    await storage.close()
    await expectAllRefused(storage)
  },

  'closing the store removes the watchers of documents': async ({ storage, scope }) => {
    let calls = 0
    storage.documents.watch(scope, () => {
      calls++
    })
    await storage.close()
    calls = 0
    await storage.open()
    await storage.documents.put(scope, 'a', 1)
    await storage.documents.get(scope, 'a')
    expect(calls).toBe(0)
  },

  'every call settles when the store is closed': async ({ storage }) => {
    const calls = CALLS.map(({ call }) => call(storage))
    const [outcomes] = await Promise.all([Promise.allSettled(calls), storage.close()])
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toHaveProperty('code', 'EVENTS_NOT_RUNNING')
    }
  },
}

async function expectAllRefused(storage: EventStorage): Promise<void> {
  for (const { method, call } of CALLS) {
    const outcome = await call(storage).then(
      () => 'an answer',
      (reason: unknown) => reason,
    )
    expect(outcome, method).toHaveProperty('code', 'EVENTS_NOT_RUNNING')
  }
}
