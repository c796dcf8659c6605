import { type SelectQueryBuilder, sql } from 'kysely'
import { PageRoom } from '../../page-room.ts'
import { EVENT_COLUMNS, type EventRow, type LogTables } from '../schema.ts'
import type { SqlLog } from '../sql-log.ts'
import { inRange, matches, visible } from './predicate.ts'
import { FEW, type Scope } from './scope.ts'
import { type Range, windows } from './windows.ts'

export interface Wanted {
  readonly order: 'asc' | 'desc'
  readonly limit: number
  readonly maxBytes: number | undefined
  readonly offset: number
  readonly nowMs: number
  /** 1 to look for one event more than wanted, which shows whether there is a next page. */
  readonly ahead: 0 | 1
}

export interface Selected {
  readonly rows: readonly EventRow[]
  /** True if a limit ended the search; with `ahead`, true if there is an event beyond the limit. */
  readonly more: boolean
}

/** Enlarges the first window: events are not spread evenly, and another window costs another statement. */
const MARGIN = 1.5

/** The size of the first slice if the texts or data of events are examined, which may take a millisecond for each. */
const FIRST_LOOKED_INTO = 50

/** The size that an event adds to a page: that of its columns that may be large. */
const BYTES = sql<number>`octet_length(cast(data as text)) + octet_length(message) + octet_length(title)
  + coalesce(octet_length(cast(extensions as text)), 0)`

/** Returns the visible events of the scope, in order, up to a limit of events or bytes. */
export async function selectEvents(log: SqlLog, scope: Scope, wanted: Wanted): Promise<Selected> {
  const { order, limit, ahead, nowMs, offset, maxBytes } = wanted
  const rows: EventRow[] = []
  const room = new PageRoom(limit, maxBytes)
  let skip = offset
  for await (const window of windows(scope.range, order, log.pace, firstWindow(scope, wanted, log.pace))) {
    const query = visibleIn(log, scope, window, nowMs)
      .select(EVENT_COLUMNS)
      .select(BYTES.as('bytes'))
      .orderBy('position', order)
      .limit(room.isFull ? ahead : room.items + ahead)
      .offset(skip)
    const found = await log.dialect.take(log.db, query, { maxBytes: Math.max(1, room.bytes), ahead })
    // Either all events to skip were skipped, or the window had too few and all of them were skipped.
    if (found.length > 0) skip = 0
    else if (skip > 0) skip -= await countIn(log, scope, window, nowMs)
    for (const row of found) {
      if (!room.take(row.bytes)) return { rows, more: true }
      rows.push(row)
    }
    if (room.isFull && ahead === 0) return { rows, more: true }
  }
  return { rows, more: false }
}

/**
 * Returns the size of a window that holds all wanted events if matching events are spread evenly, limited so that others
 * need not wait for long.
 */
function firstWindow(scope: Scope, { limit, offset }: Wanted, pace: SqlLog['pace']): number {
  const first = firstSlice(scope, pace)
  const { range, found } = scope
  if (found === undefined || first > pace.max) return first
  const expected = ((limit + offset) * (range.to - range.from) * MARGIN) / found
  return Math.max(first, Math.min(pace.max, expected))
}

/** Returns the size of the first slice: the whole range for few events, unless each of them may take long. */
function firstSlice({ conditions, found }: Scope, { first }: SqlLog['pace']): number {
  if (conditions.text !== undefined) return FIRST_LOOKED_INTO
  if (found !== undefined && found <= FEW) return Number.POSITIVE_INFINITY
  return conditions.data === undefined ? first : FIRST_LOOKED_INTO
}

/** Counts the visible events of the scope. */
export async function countVisible(log: SqlLog, scope: Scope, nowMs: number): Promise<number> {
  let count = 0
  for await (const window of windows(scope.range, 'asc', log.pace, firstSlice(scope, log.pace))) {
    count += await countIn(log, scope, window, nowMs)
  }
  return count
}

async function countIn(log: SqlLog, scope: Scope, window: Range, nowMs: number): Promise<number> {
  const { count } = await visibleIn(log, scope, window, nowMs)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

function visibleIn(
  log: SqlLog,
  { conditions }: Scope,
  window: Range,
  nowMs: number,
): SelectQueryBuilder<LogTables, 'events', object> {
  return log.db
    .selectFrom('events')
    .where(inRange(window))
    .where(matches(conditions, window, log.dialect))
    .where(visible(nowMs))
}
