import { expect } from 'vitest'
import type { StoredEvent } from '../event/event.ts'
import type { EventFilter } from '../filter/filter.ts'
import type { EventLog, EventQueries, EventQuery } from '../storage/contract/storage.ts'

export function idsOf(events: readonly StoredEvent[]): string[] {
  return events.map((event) => event.id)
}

/** @param base the position that counts as 0 */
export function positionsOf(items: readonly { readonly position: number }[], base = 0): number[] {
  return items.map((item) => item.position - base)
}

/** Reads up to the head, expecting every read to advance, and returns all events. */
export async function readToHead(
  log: EventLog,
  { limit = 1_000, filter }: { limit?: number; filter?: EventFilter } = {},
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  const head = await log.head()
  for (let after = 0; after < head.position; ) {
    const read = await log.read({ after, limit, ...(filter && { filter }) })
    expect(read.position, 'a read below the head advances').toBeGreaterThan(after)
    expect(read.events.length).toBeLessThanOrEqual(limit)
    events.push(...read.events)
    after = read.position
  }
  return events
}

/** Returns all matching events, in order of position. */
export async function listAll(
  queries: EventQueries,
  filter: EventFilter = {},
): Promise<readonly StoredEvent[]> {
  const page = await queries.list({ filter, order: 'asc', limit: 10_000 })
  expect(page.next).toBeUndefined()
  return page.events
}

/** Returns the pages of a query, one after the other by cursor. Calls `between` before each page except the first. */
export async function pagesOf(
  queries: EventQueries,
  query: EventQuery,
  between: () => Promise<unknown> = async () => {},
): Promise<(readonly StoredEvent[])[]> {
  let page = await queries.list(query)
  const pages = [page.events]
  while (page.next !== undefined) {
    expect(page.next).toBe(page.events.at(-1)?.position)
    await between()
    page = await queries.list({ ...query, after: page.next })
    pages.push(page.events)
  }
  return pages
}

/** Repeats a step until a task is done, and then once more. */
export async function repeatDuring(task: Promise<unknown>, step: () => Promise<unknown>): Promise<void> {
  let running = true
  const settled = task.finally(() => {
    running = false
  })
  while (running) await step()
  await settled
  await step()
}
