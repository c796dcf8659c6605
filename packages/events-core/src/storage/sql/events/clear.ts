import { forgetRecordedMinutes } from '../counts/recorded-minutes.ts'
import { inRange } from '../search/predicate.ts'
import type { SqlLog } from '../sql-log.ts'
import { deleteInSlices } from './delete.ts'
import { readHead } from './head.ts'

/** Deletes every event that is stored at the time of the call; events that are appended meanwhile stay. */
export async function clearEvents(log: SqlLog): Promise<number> {
  const { position } = await log.snapshot((db) => readHead({ db }))
  const which = inRange({ from: 0, to: position })
  const count = await deleteInSlices(log, { which, by: 'position', retires: {} })
  await forgetRecordedMinutes(log)
  return count
}
