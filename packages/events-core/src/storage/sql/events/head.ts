import { EventsError } from '../../../errors.ts'
import type { EventFilter } from '../../../filter/filter.ts'
import type { LogHead } from '../../contract/storage.ts'
import { keptFrom } from '../../kept-from.ts'
import type { SqlLog } from '../sql-log.ts'

/** Returns the last position assigned, the epoch, and the filter's kept-from, all of one moment. */
export async function readHead({ db }: Pick<SqlLog, 'db'>, filter?: EventFilter): Promise<LogHead> {
  const rows = await db
    .selectFrom('log_head')
    .leftJoin('kept_from', (join) => join.onTrue())
    .select(['log_head.epoch', 'log_head.position', 'kept_from.type', 'kept_from.position as from'])
    .execute()
  const [head] = rows
  if (head === undefined)
    throw new EventsError('EVENTS_STORAGE_CORRUPT', 'the event store has lost its head row')
  const map = new Map<string, number>()
  for (const { type, from } of rows) if (type !== null && from !== null) map.set(type, from)
  return { epoch: head.epoch, position: head.position, keptFrom: keptFrom(map, filter?.types) }
}
