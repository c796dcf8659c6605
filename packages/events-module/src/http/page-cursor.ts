import { createHash } from 'node:crypto'
import type { EventFilter } from '@viewra/events-core'
import { invalidRequest } from './problem.ts'

/** The list that a cursor belongs to: the same events in the same order, of the same store. */
export interface CursorScope {
  /** The store's epoch: positions of another epoch mean nothing here. */
  readonly epoch: string
  readonly order: 'asc' | 'desc'
  readonly filter: EventFilter
}

const CURSOR = /^(?<epoch>.+)\.(?<position>\d{1,15})\.(?<list>[\w-]{11})$/

/** An opaque text for the place behind an event of a list: it stays the same place while events come and go. */
export function writeCursor(position: number, scope: CursorScope): string {
  return `${scope.epoch}.${position}.${fingerprint(scope)}`
}

/**
 * The position that a cursor stands for.
 * @throws EventsError EVENTS_INVALID when it is no cursor, or one of another list or store
 */
export function readCursor(cursor: string, scope: CursorScope): number {
  const { epoch, position, list } = CURSOR.exec(cursor)?.groups ?? {}
  if (position === undefined) throw refused('is no cursor; send the next_cursor of the page before')
  if (epoch !== scope.epoch)
    throw refused('is of another event store, or of before this one was restored; start over')
  if (list !== fingerprint(scope)) {
    throw refused(
      'is of another list; send the filters and the order that it was given with, or leave it out',
    )
  }
  return Number(position)
}

function refused(message: string): Error {
  return invalidRequest([{ path: 'cursor', message }])
}

/**
 * The same for the same list, in whichever order its conditions are written. Filters that select the same in another notation
 * may differ: such a cursor is refused, never misread.
 */
function fingerprint({ order, filter }: CursorScope): string {
  const conditions = Object.entries(filter).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.toSorted() : value,
  ])
  return createHash('sha256')
    .update(JSON.stringify([order, Object.fromEntries(conditions)], withSortedKeys))
    .digest('base64url')
    .slice(0, 11)
}

/** Sorts keys, as a replacer for `JSON.stringify`. */
function withSortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
