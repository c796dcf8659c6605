import fc from 'fast-check'
import { expect } from 'vitest'
import { formatTimestamp } from '../event/timestamp.ts'
import type { DocumentAnswer, DocumentStore } from '../storage/contract/documents.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import { anyJson } from './any-json.ts'
import type { ContractTests } from './contract-context.ts'

type Tests = ContractTests

/** Names that every object inherits, and other names that must have no special meaning in a store. */
const ODD_NAMES = ['__proto__', 'constructor', 'toString', 'a', 'A', 'é', 'e\u0301', "it's", '"', ' ', '%']

const writing: Tests = {
  'a document is returned with the time of its last write': async ({ storage, scope, clock }) => {
    const { documents } = storage
    expect(await documents.get(scope, 'a')).toBeUndefined()
    for (const value of [{ n: 1 }, { n: 2 }]) {
      clock.advance(1_000)
      const version = await written(documents.put(scope, 'a', value))
      const updated = formatTimestamp(clock.now())
      expect(await documents.get(scope, 'a')).toStrictEqual({ key: 'a', value, version, updated })
    }
  },

  'any JSON value is returned unchanged': async ({ storage: { documents }, scope }) => {
    const property = fc.asyncProperty(anyJson, async (value) => {
      await documents.put(scope, 'a', value)
      expect(JSON.stringify((await documents.get(scope, 'a'))?.value)).toBe(JSON.stringify(value))
      const [listed] = (await documents.list(scope, { limit: 1 })).documents
      expect(JSON.stringify(listed?.value)).toBe(JSON.stringify(value))
    })
    await fc.assert(property, { numRuns: 60 })
  },

  'keys of a value keep their order, whatever their names': async ({ storage: { documents }, scope }) => {
    const text = '{"b":1,"a":{"z":1,"y":[{"n":1,"m":2}]},"__proto__":{"x":1},"B":2,"":"\\ud800\\u0000"}'
    await documents.put(scope, 'a', JSON.parse(text))
    expect(JSON.stringify((await documents.get(scope, 'a'))?.value)).toBe(text)
  },

  'later changes of a value do not reach the store': async ({ storage: { documents }, scope }) => {
    const value = { list: [1], nested: { n: 1 } }
    await documents.put(scope, 'a', value)
    value.list.push(2)
    value.nested.n = 2
    expect((await documents.get(scope, 'a'))?.value).toEqual({ list: [1], nested: { n: 1 } })
  },

  'names may be any strings, and different names are different documents': async ({
    storage: { documents },
    scope,
  }) => {
    for (const name of ODD_NAMES) {
      expect(await documents.get(scope, name)).toBeUndefined()
      await documents.put(scope, name, name)
      await documents.put(scope + name, 'a', name)
    }
    for (const name of ODD_NAMES) {
      expect(await documents.get(scope, name)).toMatchObject({ key: name, value: name })
      expect((await documents.list(scope + name, { limit: 10 })).documents).toMatchObject([{ value: name }])
    }
    expect((await documents.list(scope, { limit: 100 })).documents).toHaveLength(ODD_NAMES.length)
    expect((await documents.list('__proto__', { limit: 10 })).documents).toEqual([])
  },
}

const versions: Tests = {
  'versions increase with each write and deletion in any collection': async ({
    storage: { documents },
    scope,
  }) => {
    const given: number[] = []
    for (let round = 0; round < 3; round++) {
      for (const collection of [`${scope}a`, `${scope}b`]) {
        given.push(await written(documents.put(collection, 'a', round)))
        given.push(await written(documents.put(collection, 'b', round)))
        given.push(await written(documents.delete(collection, 'a')))
      }
    }
    expect(given).toEqual(given.toSorted((a, b) => a - b))
    expect(new Set(given).size).toBe(given.length)
  },

  'no version is assigned twice, even by concurrent writes': async ({ storage: { documents }, scope }) => {
    const writes = Array.from({ length: 30 }, (_, index) => [
      documents.put(scope, `${index % 4}`, index),
      documents.delete(scope, `${index % 3}`),
    ])
    const given = await Promise.all(writes.flat().map(written))
    expect(new Set(given).size).toBe(given.length)
  },

  'a write that expects a version succeeds only with that version': async ({ storage, scope }) => {
    const { documents } = storage
    const first = await written(documents.put(scope, 'a', 1, { expected: 'absent' }))
    const found = { written: false, current: first }
    for (const expected of ['absent', first - 1, first + 1, 0, -1] as const) {
      expect(await documents.put(scope, 'a', 2, { expected })).toEqual(found)
      expect(await documents.delete(scope, 'a', { expected })).toEqual(found)
    }
    expect(await documents.get(scope, 'a')).toMatchObject({ value: 1, version: first })
    const second = await written(documents.put(scope, 'a', 2, { expected: first }))
    expect(await documents.put(scope, 'a', 3, { expected: first })).toEqual({
      written: false,
      current: second,
    })
    await written(documents.delete(scope, 'a', { expected: second }))
    expect(await documents.get(scope, 'a')).toBeUndefined()
  },

  'an absent document has no version': async ({ storage: { documents }, scope }) => {
    const version = await written(documents.put(scope, 'a', 1))
    await documents.delete(scope, 'a')
    const found = { written: false, current: 'absent' }
    expect(await documents.put(scope, 'a', 2, { expected: version })).toEqual(found)
    expect(await documents.delete(scope, 'a', { expected: version })).toEqual(found)
    await written(documents.delete(scope, 'a'))
    await written(documents.delete(scope, 'a', { expected: 'absent' }))
    await written(documents.put(scope, 'a', 3, { expected: 'absent' }))
  },

  'of two writers that expect the same version, one succeeds': async (context) => {
    const { storage, scope } = context
    const other = await context.beside()
    for (let round = 0; round < 10; round++) {
      const current = (await storage.documents.get(scope, 'a'))?.version ?? 'absent'
      const answers = await Promise.all(
        [storage, other].map(({ documents }, writer) =>
          documents.put(scope, 'a', { round, writer }, { expected: current }),
        ),
      )
      const [winner, ...others] = answers.filter((answer) => answer.written)
      expect(others).toEqual([])
      const loser = answers.find((answer) => !answer.written)
      expect(loser).toEqual({ written: false, current: winner?.version })
    }
  },

  'a counter that several processes increment loses no increment': async (context) => {
    const stores = [context.storage, await context.beside()]
    await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        for (let step = 0; step < 5; step++) await raise(stores[index % 2]?.documents, context.scope)
      }),
    )
    expect((await context.storage.documents.get(context.scope, 'count'))?.value).toBe(30)
  },
}

async function raise(documents: DocumentStore | undefined, collection: string): Promise<void> {
  for (;;) {
    const found = await documents?.get(collection, 'count')
    const value = Number(found?.value ?? 0) + 1
    const answer = await documents?.put(collection, 'count', value, { expected: found?.version ?? 'absent' })
    if (answer?.written !== false) return
  }
}

const watching: Tests = {
  'a write, a deletion and a commit wake watchers of the collection in every process': async (context) => {
    const { storage, scope } = context
    const stores = [storage, await context.beside()]
    const answer = await storage.leases.acquire(`${scope}lease`, 'test')
    const lease = { name: `${scope}lease`, token: answer.acquired ? answer.lease.token : 0 }
    const changes: Record<string, () => Promise<unknown>> = {
      put: () => storage.documents.put(scope, 'a', 1),
      delete: () => storage.documents.delete(scope, 'a'),
      commit: () => storage.commit(lease, { documents: [{ collection: scope, key: 'b', value: 1 }] }),
    }
    for (const change of Object.values(changes)) {
      await Promise.all(stores.map((store) => wokenBy(store, scope, change)))
    }
  },

  'a watcher that throws affects neither the write nor other watchers': async ({ storage, scope }) => {
    const unwatch = storage.documents.watch(scope, () => {
      throw new Error('a watcher may throw')
    })
    await wokenBy(storage, scope, () => storage.documents.put(scope, 'a', 1))
    unwatch()
    expect((await storage.documents.get(scope, 'a'))?.value).toBe(1)
  },

  'a stopped watcher is not called, and stopping twice has no effect': async ({ storage, scope }) => {
    let calls = 0
    const unwatch = storage.documents.watch(scope, () => {
      calls++
    })
    unwatch()
    unwatch()
    await wokenBy(storage, scope, () => storage.documents.put(scope, 'a', 1))
    expect(calls).toBe(0)
  },
}

/** Waits until the change has woken a watcher. Hints may be lost, so the change is repeated until one arrives. */
async function wokenBy(
  { documents }: EventStorage,
  collection: string,
  change: () => Promise<unknown>,
): Promise<void> {
  let isAwake = false
  let wake = (): void => undefined
  const awake = new Promise<void>((resolve) => {
    wake = () => {
      isAwake = true
      resolve()
    }
  })
  const unwatch = documents.watch(collection, wake)
  while (!isAwake) {
    await change()
    await Promise.race([awake, new Promise((resolve) => setTimeout(resolve, 250))])
  }
  unwatch()
}

/** Returns the version of a write, which must have succeeded. */
async function written(answer: Promise<DocumentAnswer>): Promise<number> {
  const result = await answer
  if (!result.written) throw new Error(`not written: the current version is ${result.current}`)
  return result.version
}

export const documentTests: Tests = { ...writing, ...versions, ...watching }
