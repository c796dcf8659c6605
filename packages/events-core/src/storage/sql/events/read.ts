import type { ReadQuery, ReadResult } from '../../contract/storage.ts'
import { conditionsOf } from '../search/conditions.ts'
import { openScope } from '../search/scope.ts'
import { selectEvents } from '../search/select.ts'
import { EVERYWHERE, intersect } from '../search/windows.ts'
import type { SqlCall } from '../sql-log.ts'
import { eventOf } from './row.ts'

/**
 * Returns visible events after a position. The result is complete up to the head, which was read first: events are
 * committed in the order of their positions.
 */
export async function readEvents(log: SqlCall, query: ReadQuery): Promise<ReadResult> {
  const { after, limit, maxBytes, filter = {} } = query
  const scope = await openScope(log, conditionsOf(filter))
  const range = intersect(scope.range, { ...EVERYWHERE, from: after })
  const wanted = { order: 'asc', limit, maxBytes, offset: 0, nowMs: log.nowMs, ahead: 0 } as const
  const { rows, more } = await selectEvents(log, { ...scope, range }, wanted)
  // The rows include events that were committed after the head was read; the next read must not return them again.
  const last = rows.at(-1)?.position ?? after
  return { events: rows.map(eventOf), position: more ? last : Math.max(last, scope.head), more }
}
