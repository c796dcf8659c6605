import fc from 'fast-check'
import { expect } from 'vitest'
import type { JsonValue } from '../event/json.ts'
import type { DocumentQuery, DocumentStore, StoredDocument } from '../storage/contract/documents.ts'
import { STORAGE_LIMITS } from '../storage/limits.ts'
import type { ContractTests } from './contract-context.ts'

type Tests = ContractTests

/** Characters that are difficult for patterns, escapes and orders other than by code point. */
const CHARACTERS = [
  'a',
  'b',
  'A',
  '%',
  '_',
  '\\',
  '*',
  '[',
  '-',
  ' ',
  'é',
  '\u0001',
  '\ud7ff',
  '\ue000',
  '\ufdd0',
  '\uffff',
  '\u{10000}',
  '\u{10ffff}',
]
const anyKey = fc
  .array(fc.constantFrom(...CHARACTERS), { minLength: 1, maxLength: 4 })
  .map((characters) => characters.join(''))

const listing: Tests = {
  'documents are listed by code point, each on exactly one page': async ({ storage, scope }) => {
    let number = 0
    const keyLists = fc.uniqueArray(anyKey, { maxLength: 25 })
    const property = fc.asyncProperty(
      keyLists,
      fc.option(anyKey, { nil: undefined }),
      fc.integer({ min: 1, max: 6 }),
      async (keys, prefix, limit) => {
        const collection = `${scope}${number++}`
        for (const key of keys) await storage.documents.put(collection, key, key)
        const listed = await allOf(storage.documents, collection, { limit, ...(prefix && { prefix }) })
        const expected = keys.filter((key) => key.startsWith(prefix ?? '')).toSorted(byCodePoint)
        expect(listed.map(({ key }) => key)).toEqual(expected)
        expect(listed.map(({ value }) => value)).toEqual(expected)
        const query = { limit, order: 'desc' as const, ...(prefix && { prefix }) }
        const backwards = await allOf(storage.documents, collection, query)
        expect(backwards.map(({ key }) => key)).toEqual(expected.toReversed())
      },
    )
    await fc.assert(property, { numRuns: 25 })
  },

  'a page may begin after any key, whether or not a document has it': async ({ storage, scope }) => {
    const keys = ['a', 'b', 'b\uffff', 'b\u{10000}', 'c']
    for (const key of keys) await storage.documents.put(scope, key, 0)
    for (const after of ['a', 'b', 'b\ue000', 'b\uffff', 'b\uffffa', 'b\u{10001}', 'd', '']) {
      const { documents, next } = await storage.documents.list(scope, { after, limit: 10 })
      expect(documents.map(({ key }) => key)).toEqual(keys.filter((key) => byCodePoint(key, after) > 0))
      expect(next).toBeUndefined()
      const before = await storage.documents.list(scope, { after, order: 'desc', limit: 10 })
      expect(before.documents.map(({ key }) => key)).toEqual(
        keys.filter((key) => byCodePoint(key, after) < 0).toReversed(),
      )
    }
  },

  'a prefix has no wildcards and respects case': async ({ storage, scope }) => {
    for (const key of ['a%b', 'axb', 'a_b', 'a\\b', 'a*b', 'a[b', 'Axb', 'a'])
      await storage.documents.put(scope, key, 0)
    for (const prefix of ['a%', 'a_', 'a\\', 'a*', 'a[', 'A']) {
      const { documents } = await storage.documents.list(scope, { prefix, limit: 10 })
      expect(documents.map(({ key }) => key.slice(0, prefix.length))).toEqual([prefix])
    }
    expect((await storage.documents.list(scope, { prefix: '', limit: 10 })).documents).toHaveLength(8)
  },

  'the last page has no next, even if it is full': async ({ storage: { documents }, scope }) => {
    for (const key of ['a', 'b', 'c', 'd']) await documents.put(scope, key, 0)
    expect(await documents.list(scope, { limit: 4 })).not.toHaveProperty('next')
    const first = await documents.list(scope, { limit: 2 })
    expect(first.next).toBe('b')
    expect(await documents.list(scope, { limit: 2, after: 'b' })).not.toHaveProperty('next')
    expect(await documents.list(`${scope}none`, { limit: 2 })).toEqual({ documents: [] })
  },

  'a page of large documents ends early, and the next page continues after it': async ({
    storage,
    scope,
  }) => {
    const value = 'x'.repeat(250_000)
    const keys = Array.from({ length: 40 }, (_, index) => String(index).padStart(2, '0'))
    for (const key of keys) await storage.documents.put(scope, key, value)
    const first = await storage.documents.list(scope, { limit: 1_000 })
    // The 34th document reaches 8 MiB.
    expect(first.documents).toHaveLength(34)
    expect(first.next).toBe('33')
    expect((await allOf(storage.documents, scope, { limit: 1_000 })).map(({ key }) => key)).toEqual(keys)
  },

  'a document that is written between pages is listed in the order of its key': async ({
    storage,
    scope,
  }) => {
    const { documents } = storage
    for (const key of ['a', 'c', 'e']) await documents.put(scope, key, 0)
    const { next = '' } = await documents.list(scope, { limit: 2 })
    await documents.put(scope, 'b', 0)
    await documents.put(scope, 'd', 0)
    await documents.delete(scope, 'e')
    const rest = await documents.list(scope, { limit: 10, after: next })
    expect(rest.documents.map(({ key }) => key)).toEqual(['d'])
  },
}

const { valueBytes, keyLength, collectionLength, documentsPerPage } = STORAGE_LIMITS

/** Characters by kind, each with its size in JSON text. */
const UNITS: Readonly<Record<string, readonly [unit: string, bytes: number]>> = {
  'of one byte': ['a', 1],
  'of two bytes': ['é', 2],
  'of three bytes': ['\uffff', 3],
  'of four bytes': ['😀', 4],
  'that need an escape': ['"', 2],
  'that are control characters': ['\u0000', 6],
  'that are halves of surrogate pairs': ['\ud800', 6],
  'that PostgreSQL keeps escaped': ['\ufdd0', 3],
}

/** Returns a value whose JSON text has so many bytes, almost all of them of the unit. */
function sizedValue([unit, bytesEach]: readonly [string, number], bytes: number): JsonValue {
  const inQuotes = bytes - '{"t":""}'.length
  const filler = 'f'.repeat(inQuotes % bytesEach)
  return { t: unit.repeat(Math.floor(inQuotes / bytesEach)) + filler }
}

const limits: Tests = {
  ...Object.fromEntries(
    Object.entries(UNITS).map(([kind, unit]): [string, Tests[string]] => [
      `a value of 256 KiB of JSON text is stored, and one byte more is rejected: characters ${kind}`,
      ({ storage: { documents }, scope }) => expectBytesLimit(documents, scope, unit),
    ]),
  ),

  'names may have the maximum length, of any characters': async ({ storage: { documents }, scope }) => {
    for (const character of ['a', 'é', '\uffff', '\u0001', '\ufdd0']) {
      const collection = scope.padEnd(collectionLength, character)
      const key = character.repeat(keyLength)
      await documents.put(collection, key, 1)
      expect((await documents.get(collection, key))?.value).toBe(1)
      expect((await documents.list(collection, { prefix: key, limit: 1 })).documents).toHaveLength(1)
      await expectRefused(documents, collection, `${key}x`)
      await expectRefused(documents, `${collection}x`, 'a')
    }
    const pairs = '😀'.repeat(keyLength / 2)
    await documents.put(scope, pairs, 1)
    expect(await documents.get(scope, pairs)).toMatchObject({ key: pairs, value: 1 })
  },

  'empty names, and names that not every store can keep, are rejected': async ({ storage, scope }) => {
    for (const name of ['', '\u0000', 'a\u0000', '\ud800', 'a\udc00b']) {
      await expectRefused(storage.documents, scope, name)
      await expectRefused(storage.documents, name, 'a')
    }
    const { documents } = storage
    for (const query of [
      { prefix: 'a\u0000' },
      { prefix: '\ud83d' },
      { after: '\u0000' },
      { after: '\ud83d' },
    ])
      await expect(documents.list(scope, { ...query, limit: 1 })).rejects.toHaveProperty(
        'code',
        'EVENTS_INVALID',
      )
  },

  'the limit of a page has a maximum': async ({ storage: { documents }, scope }) => {
    expect(await documents.list(scope, { limit: documentsPerPage })).toEqual({ documents: [] })
    for (const limit of [0, -1, 1.5, documentsPerPage + 1, Number.NaN])
      await expect(documents.list(scope, { limit })).rejects.toHaveProperty('code', 'EVENTS_INVALID')
    // Possible for callers without types.
    const order = 'up' as 'asc'
    await expect(documents.list(scope, { limit: 1, order })).rejects.toHaveProperty('code', 'EVENTS_INVALID')
  },

  'a value that is not JSON is rejected': async ({ storage: { documents }, scope }) => {
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    for (const value of [undefined, Number.NaN, [Number.POSITIVE_INFINITY], { at: new Date() }, 1n, cyclic]) {
      // @ts-expect-error callers without types may pass anything
      await expect(documents.put(scope, 'a', value)).rejects.toHaveProperty('code', 'EVENTS_INVALID')
    }
    expect(await documents.get(scope, 'a')).toBeUndefined()
  },
}

async function expectBytesLimit(
  documents: DocumentStore,
  collection: string,
  unit: readonly [string, number],
): Promise<void> {
  const largest = sizedValue(unit, valueBytes)
  expect(Buffer.byteLength(JSON.stringify(largest))).toBe(valueBytes)
  await documents.put(collection, 'a', largest)
  const tooLarge = documents.put(collection, 'a', sizedValue(unit, valueBytes + 1))
  await expect(tooLarge).rejects.toHaveProperty('code', 'EVENTS_INVALID')
  expect(JSON.stringify((await documents.get(collection, 'a'))?.value) === JSON.stringify(largest)).toBe(true)
}

async function expectRefused(documents: DocumentStore, collection: string, key: string): Promise<void> {
  for (const call of [
    documents.get(collection, key),
    documents.put(collection, key, 1),
    documents.delete(collection, key),
  ]) {
    await expect(call).rejects.toHaveProperty('code', 'EVENTS_INVALID')
  }
}

/** Returns the documents of all pages; every page except the last must have `next`. */
async function allOf(
  documents: DocumentStore,
  collection: string,
  query: DocumentQuery,
): Promise<readonly StoredDocument[]> {
  const listed: StoredDocument[] = []
  for (let after: string | undefined, more = true; more; ) {
    const page = await documents.list(collection, { ...query, ...(after !== undefined && { after }) })
    expect(page.documents.length).toBeLessThanOrEqual(query.limit)
    listed.push(...page.documents)
    if (page.next !== undefined) expect(page.next).toBe(page.documents.at(-1)?.key)
    after = page.next
    more = after !== undefined
  }
  return listed
}

/** Compares in the simplest way, as UTF-32. */
function byCodePoint(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0))
  const index = left?.findIndex((code, index) => code !== right?.[index]) ?? -1
  if (index === -1) return a.length - b.length
  return (left?.[index] ?? 0) - (right?.[index] ?? -1)
}

export const documentPageTests: Tests = { ...listing, ...limits }
