import { expect } from 'vitest'
import type { ContractContext, ContractTests } from './contract-context.ts'
import { DATA_CASES } from './data-filter-cases.ts'
import { FIELD_CASES, type FilterCase } from './filter-cases.ts'
import { LIMIT_CASES } from './limit-cases.ts'
import { idsOf, listAll, readToHead } from './reading.ts'
import { makeRecord } from './record.ts'
import { TEXT_CASES } from './text-filter-cases.ts'

/** One test for each case: every method that takes a filter selects the case's events. */
export const filterTests: ContractTests = Object.fromEntries(
  Object.entries({ ...FIELD_CASES, ...DATA_CASES, ...TEXT_CASES, ...LIMIT_CASES }).map(
    ([guarantee, filterCase]) => [guarantee, (context) => expectSelection(context, filterCase)],
  ),
)

export async function expectSelection(
  { storage }: Pick<ContractContext, 'storage'>,
  filterCase: FilterCase,
): Promise<void> {
  const { filter } = filterCase
  const selected = filterCase.selects.map((fields, index) =>
    makeRecord({ id: `selected ${index}`, ...fields }),
  )
  const left = filterCase.leaves.map((fields, index) => makeRecord({ id: `left ${index}`, ...fields }))
  await storage.append([...selected, ...left])
  const ids = selected.map(({ event }) => event.id)
  expect(idsOf(await listAll(storage, filter))).toEqual(ids)
  expect(idsOf((await storage.list({ filter, limit: 1_000 })).events)).toEqual(ids.toReversed())
  expect((await storage.list({ filter, limit: 1 })).total).toBe(ids.length)
  expect(await storage.count(filter)).toBe(ids.length)
  expect(idsOf(await readToHead(storage, { filter }))).toEqual(ids)
  expect(await storage.deleteMatching(filter)).toBe(ids.length)
  expect(idsOf(await listAll(storage))).toEqual(left.map(({ event }) => event.id))
}
