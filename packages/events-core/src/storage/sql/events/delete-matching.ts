import { expressionBuilder } from 'kysely'
import type { EventFilter } from '../../../filter/filter.ts'
import type { LogTables } from '../schema.ts'
import { conditionsOf } from '../search/conditions.ts'
import { inRange, matches } from '../search/predicate.ts'
import { openScope } from '../search/scope.ts'
import { windows } from '../search/windows.ts'
import type { SqlLog } from '../sql-log.ts'
import { deleteWhere } from './delete.ts'

const eb = expressionBuilder<LogTables, 'events'>()

/** Deletes the events that match at the time of the call, including expired ones. */
export async function deleteMatching(log: SqlLog, filter: EventFilter): Promise<number> {
  const scope = await log.snapshot((db) => openScope({ ...log, db }, conditionsOf(filter)))
  let count = 0
  for await (const window of windows(scope.range, 'asc', log.pace)) {
    const predicate = eb.and([inRange(window), matches(scope.conditions, window, log.dialect)])
    count += await deleteWhere(log, predicate)
  }
  return count
}
