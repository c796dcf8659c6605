import type { SelectQueryBuilder } from 'kysely'
import { inRange, matches, visible } from './predicate.ts'
import { EVENT_COLUMNS, type EventRow, type LogTables } from './schema.ts'
import { FEW, type Scope } from './scope.ts'
import type { SqlLog } from './sql-log.ts'
import { type Range, windows } from './windows.ts'

export interface Wanted {
  readonly order: 'asc' | 'desc'
  readonly limit: number
  readonly offset: number
  readonly nowMs: number
}

/** Events are not spread evenly, and one window more costs another statement. */
const MARGIN = 1.5

/** The visible events of the scope, in order, up to a limit. */
export async function selectEvents(log: SqlLog, scope: Scope, wanted: Wanted): Promise<EventRow[]> {
  const rows: EventRow[] = []
  let skip = wanted.offset
  for await (const window of windows(
    scope.range,
    wanted.order,
    log.pace,
    firstWindow(scope, wanted, log.pace),
  )) {
    const found = await visibleIn(log, scope, window, wanted.nowMs)
      .select(EVENT_COLUMNS)
      .orderBy('position', wanted.order)
      .limit(wanted.limit - rows.length)
      .offset(skip)
      .execute()
    // Either all that was to be skipped was, or the window had too few and all of them were.
    if (found.length > 0) skip = 0
    else if (skip > 0) skip -= await countIn(log, scope, window, wanted.nowMs)
    rows.push(...found)
    if (rows.length === wanted.limit) break
  }
  return rows
}

/**
 * All of the range for few events; else what should hold all that is wanted, if those that match are spread evenly, but no
 * more than others may have to wait for.
 */
function firstWindow(
  { range, found }: Scope,
  { limit, offset }: Wanted,
  { max }: SqlLog['pace'],
): number | undefined {
  if (found === undefined) return undefined
  if (isFew(found)) return Number.POSITIVE_INFINITY
  return Math.min(max, ((limit + offset) * (range.to - range.from) * MARGIN) / found)
}

function isFew(found: number | undefined): boolean {
  return found !== undefined && found <= FEW
}

/** How many visible events the scope has. */
export async function countVisible(log: SqlLog, scope: Scope, nowMs: number): Promise<number> {
  let count = 0
  const first = isFew(scope.found) ? Number.POSITIVE_INFINITY : undefined
  for await (const window of windows(scope.range, 'asc', log.pace, first)) {
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
