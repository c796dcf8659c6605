import type { EventFilter } from '../../filter.ts'
import { type Conditions, conditionsOf } from './conditions.ts'
import { countKept, keptCountsFor } from './kept-counts.ts'
import { splitByPeriod } from './periods.ts'
import { openScope } from './scope.ts'
import { countVisible } from './select.ts'
import type { SqlLog } from './sql-log.ts'
import { intersect } from './windows.ts'

/** A count of which a part is known: what remains is to look at the events that meet one of `rest`. */
export interface CountPlan {
  /** The last position at the time of the plan: later events are not counted. */
  readonly head: number
  readonly known: number
  readonly rest: readonly Conditions[]
}

/** How many visible events match: of those up to the head at one moment, less what is removed meanwhile. */
export async function countEvents(log: SqlLog, filter: EventFilter, nowMs: number): Promise<number> {
  const conditions = conditionsOf(filter)
  const plan = await log.snapshot((db) => planCount({ ...log, db }, conditions, nowMs))
  return await finishCount(log, plan, nowMs)
}

/** Takes from the kept counts what they can answer. To be called in a snapshot. */
export async function planCount(log: SqlLog, conditions: Conditions, nowMs: number): Promise<CountPlan> {
  const { position: head } = await log.db.selectFrom('log_head').select('position').executeTakeFirstOrThrow()
  const kept = keptCountsFor(conditions)
  if (kept === undefined) return { head, known: 0, rest: [conditions] }
  const { whole, edges } = splitByPeriod(conditions, kept.periodMs)
  return { head, known: whole ? await countKept(log, kept, whole, nowMs) : 0, rest: edges }
}

export async function finishCount(log: SqlLog, plan: CountPlan, nowMs: number): Promise<number> {
  let count = plan.known
  for (const conditions of plan.rest) {
    const scope = await openScope(log.db, log.dialect, conditions)
    const range = intersect(scope.range, { from: 0, to: plan.head })
    count += await countVisible(log, { ...scope, range }, nowMs)
  }
  return count
}
