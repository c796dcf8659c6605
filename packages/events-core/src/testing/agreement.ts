import fc from 'fast-check'
import { expect } from 'vitest'
import { formatTimestamp } from '../event/timestamp.ts'
import { compileFilter, type EventFilter } from '../filter/filter.ts'
import type { EventRecord, EventStorage } from '../storage/contract/storage.ts'
import { eventFields, filters, partOf, TIMES_MS } from './arbitraries.ts'
import type { ContractTests } from './contract-context.ts'
import { idsOf, listAll, readToHead } from './reading.ts'
import { makeRecord } from './record.ts'

const records = fc.array(eventFields, { minLength: 1, maxLength: 20 }).map((list) => list.map(makeRecord))
const filterLists = fc.array(filters, { minLength: 3, maxLength: 6 })
const bits = fc.array(fc.boolean(), { minLength: 1, maxLength: 9 })

export const agreementTests: ContractTests = {
  'a filter selects the same events in the store and in memory': async ({ storage }) => {
    const property = fc.asyncProperty(records, filterLists, async (batch, list) => {
      await replaceAll(storage, batch)
      for (const filter of list) await expectAgreement(storage, batch, filter)
      for (const filter of list.slice(0, 2)) await expectDeletion(storage, filter)
    })
    await fc.assert(property, { numRuns: 60 })
  },

  'a filter selects only events that have not expired': async ({ storage, clock }) => {
    const property = fc.asyncProperty(records, records, filterLists, async (batch, others, list) => {
      const expiresAtMs = clock.now() + 1
      await replaceAll(storage, [...others.map((record) => ({ ...record, expiresAtMs })), ...batch])
      clock.advance(1)
      for (const filter of list) await expectAgreement(storage, batch, filter)
    })
    await fc.assert(property, { numRuns: 30 })
  },

  'since and until are exact to the millisecond, at any edge and before 1970': async ({ storage }) => {
    const times = TIMES_MS.map(formatTimestamp)
    const batch = times.map((timestamp) => makeRecord({ timestamp }))
    await replaceAll(storage, batch)
    for (const others of [{}, { types: ['test.*'] }, { sources: ['test'] }, { tags: ['none'] }]) {
      for (const time of times) {
        await expectCount(storage, batch, { ...others, since: time })
        await expectCount(storage, batch, { ...others, until: time })
      }
    }
  },

  'a filter with a part of an event’s data finds that event': async ({ storage }) => {
    const property = fc.asyncProperty(records, bits, async (batch, choice) => {
      await replaceAll(storage, batch)
      for (const { event } of batch.slice(0, 5)) {
        const filter = { data: partOf(event.data, choice) }
        expect(idsOf(await listAll(storage, filter))).toContain(event.id)
        await expectAgreement(storage, batch, filter)
      }
    })
    await fc.assert(property, { numRuns: 40 })
  },
}

async function replaceAll(storage: EventStorage, batch: readonly EventRecord[]): Promise<void> {
  await storage.clear()
  // In two appends: the first creates the counts of minutes, types and sources, the second updates them.
  const half = batch.length >> 1
  await storage.append(batch.slice(0, half))
  await storage.append(batch.slice(half))
}

async function expectCount(
  storage: EventStorage,
  batch: readonly EventRecord[],
  filter: EventFilter,
): Promise<void> {
  const matches = compileFilter(filter)
  expect(await storage.count(filter), JSON.stringify(filter)).toBe(
    batch.filter(({ event }) => matches(event)).length,
  )
}

async function expectAgreement(
  storage: EventStorage,
  batch: readonly EventRecord[],
  filter: EventFilter,
): Promise<void> {
  const matches = compileFilter(filter)
  const ids = batch.filter(({ event }) => matches(event)).map(({ event }) => event.id)
  expect(idsOf(await listAll(storage, filter))).toEqual(ids)
  const page = await storage.list({ filter, limit: 2, offset: 1 })
  expect(idsOf(page.events)).toEqual(ids.toReversed().slice(1, 3))
  expect(page.total).toBe(ids.length)
  expect(page.next === undefined).toBe(ids.length <= 3)
  expect(await storage.count(filter)).toBe(ids.length)
  expect(idsOf(await readToHead(storage, { filter, limit: 3 }))).toEqual(ids)
}

/** Expects that the remaining events are those that do not match, with right totals. */
async function expectDeletion(storage: EventStorage, filter: EventFilter): Promise<void> {
  const before = await listAll(storage)
  const matches = compileFilter(filter)
  const left = before.filter((event) => !matches(event))
  expect(await storage.deleteMatching(filter)).toBe(before.length - left.length)
  expect(idsOf(await listAll(storage))).toEqual(idsOf(left))
  expect((await storage.totals()).total).toBe(left.length)
}
