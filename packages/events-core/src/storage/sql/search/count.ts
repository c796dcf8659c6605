import type { EventFilter } from '../../../filter/filter.ts'
import { countKept, keptCountsFor } from '../counts/kept-counts.ts'
import { splitByPeriod } from '../counts/periods.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'
import { type Conditions, conditionsOf } from './conditions.ts'
import { openScope, type Scope } from './scope.ts'
import { countVisible } from './select.ts'

/** A count of which a part is known: what remains is to count the events of the scopes. */
export interface CountPlan {
  readonly known: number
  /** How many are stored of those that are known, with the expired ones that were not swept yet. */
  readonly stored: number
  readonly rest: readonly Scope[]
}

/** How many visible events match: of those up to the head at one moment, less what is removed meanwhile. */
export async function countEvents(log: SqlCall, filter: EventFilter): Promise<number> {
  const conditions = conditionsOf(filter)
  const plan = await log.snapshot((db) => planCount({ ...log, db }, conditions, log.nowMs))
  return await finishCount(log, plan, log.nowMs)
}

/**
 * Takes from the kept counts what they can answer. To be called in a snapshot.
 * @param scope of the conditions, if it was opened in this snapshot
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
