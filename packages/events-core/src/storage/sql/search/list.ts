import type { EventPage, EventQuery } from '../../contract/storage.ts'
import { eventOf } from '../events/row.ts'
import type { SqlCall } from '../sql-log.ts'
import { conditionsOf } from './conditions.ts'
import { type CountPlan, finishCount, planCount } from './count.ts'
import { openScope, type Scope } from './scope.ts'
import { selectEvents } from './select.ts'
import { EVERYWHERE, intersect, type Range } from './windows.ts'

/**
 * Returns a page of visible events. Page and total are about the same events, those up to the head at one moment, although
 * finding them may take many statements.
 */
export async function listEvents(log: SqlCall, query: EventQuery): Promise<EventPage> {
  const { nowMs } = log
  const { order = 'desc', limit, maxBytes, offset = 0 } = query
  const { scope, plan } = await openList(log, query)
  const range = intersect(scope.range, beyond(query.after, order))
  const wanted = { order, limit, maxBytes, offset, nowMs, ahead: 1 } as const
  const within = { ...scope, range, found: scope.found ?? foundBy(plan, scope) }
  const { rows, more } = await selectEvents(log, within, wanted)
  const events = rows.map(eventOf)
  const last = more ? events.at(-1) : undefined
  return {
    events,
    ...(plan && { total: await finishCount(log, plan, nowMs) }),
    ...(last && { next: last.position }),
  }
}

function openList(log: SqlCall, query: EventQuery): Promise<{ scope: Scope; plan?: CountPlan }> {
  const conditions = conditionsOf(query.filter ?? {})
  return log.snapshot(async (db) => {
    const scope = await openScope({ ...log, db }, conditions)
    if (query.count === 'none') return { scope }
    return { scope, plan: await planCount({ ...log, db }, conditions, log.nowMs, scope) }
  })
}

/** Returns the number of matching events if an index alone finds them. */
function foundBy(plan: CountPlan | undefined, { conditions }: Scope): number | undefined {
  if (plan === undefined || plan.rest.length > 0) return undefined
  const { minPriority, sources } = conditions
  return minPriority === undefined && !sources?.prefixes.length ? plan.stored : undefined
}

function beyond(after: number | undefined, order: 'asc' | 'desc'): Range {
  if (after === undefined) return EVERYWHERE
  return order === 'asc' ? { ...EVERYWHERE, from: after } : { ...EVERYWHERE, to: after - 1 }
}
