import type { StoredEvent } from '../../../event/event.ts'
import { EVENT_COLUMNS } from '../schema.ts'
import { visible } from '../search/predicate.ts'
import type { SqlCall } from '../sql-log.ts'
import { eventOf } from './row.ts'

/** Returns the visible event with an id. */
export async function getEvent({ db, nowMs }: SqlCall, id: string): Promise<StoredEvent | undefined> {
  const row = await db
    .selectFrom('events')
    .select(EVENT_COLUMNS)
    .where('id', '=', id)
    .where(visible(nowMs))
    .executeTakeFirst()
  return row && eventOf(row)
}
