import type { EventFilter } from '../../../filter/filter.ts'
import { countKept, keptCountsFor } from '../counts/kept-counts.ts'
import { splitByPeriod } from '../counts/periods.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'
import { type Conditions, conditionsOf } from './conditions.ts'
import { openScope, type Scope } from './scope.ts'
import { countVisible } from './select.ts'

/** A partly known count: the events of the scopes remain to be counted. */
export interface CountPlan {
  readonly known: number
  /** The known number of stored events, including expired ones that are not swept yet. */
  readonly stored: number
  readonly rest: readonly Scope[]
}

/** Counts the visible events that match, among those up to the head at one moment, minus events removed meanwhile. */
export async function countEvents(log: SqlCall, filter: EventFilter): Promise<number> {
  const conditions = conditionsOf(filter)
  const plan = await log.snapshot((db) => planCount({ ...log, db }, conditions, log.nowMs))
  return await finishCount(log, plan, log.nowMs)
}

/**
 * Takes the answerable part from the kept counts. Must be called in a snapshot.
 * @param scope the conditions' scope, if it was opened in this snapshot
 */
export async function planCount(
  log: SqlLog,
  conditions: Conditions,
  nowMs: number,
  scope?: Scope,
): Promise<CountPlan> {
  const kept = keptCountsFor(conditions)
  if (kept === undefined) return { known: 0, stored: 0, rest: [scope ?? (await openScope(log, conditions))] }
  const { whole, edges } = splitByPeriod(conditions, kept.periodMs)
  const { stored, expired } = whole ? await countKept(log, kept, whole, nowMs) : { stored: 0, expired: 0 }
  const rest: Scope[] = []
  for (const edge of edges) rest.push(await openScope(log, edge))
  return { known: stored - expired, stored, rest }
}

export async function finishCount(log: SqlLog, { known, rest }: CountPlan, nowMs: number): Promise<number> {
  let count = known
  for (const scope of rest) count += await countVisible(log, scope, nowMs)
  return count
}
