import { expressionBuilder } from 'kysely'
import type { TrimPolicy } from '../../contract/storage.ts'
import { countStored } from '../counts/kept-counts.ts'
import { forgetRecordedMinutes, recordedBefore } from '../counts/recorded-minutes.ts'
import type { LogTables } from '../schema.ts'
import { inRange } from '../search/predicate.ts'
import { windows } from '../search/windows.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'
import { deleteInSlices, retireWhere } from './delete.ts'
import { readHead } from './head.ts'

const eb = expressionBuilder<LogTables, 'events'>()

/** Deletes what is too old, then what is too much. */
export async function trimEvents(log: SqlCall, policy: TrimPolicy): Promise<number> {
  const { maxAgeMs, maxEvents } = policy
  let count = 0
  if (maxAgeMs !== undefined) count += await trimByAge(log, log.nowMs - maxAgeMs)
  if (maxEvents !== undefined) count += await trimByNumber(log, maxEvents)
  if (count > 0) await forgetRecordedMinutes(log)
  return count
}

async function trimByAge(log: SqlLog, earliestMs: number): Promise<number> {
  let count = 0
  for await (const window of windows(await recordedBefore(log, earliestMs), 'asc', log.pace)) {
    count += await retireWhere(log, eb.and([inRange(window), eb('recorded_at', '<', earliestMs)]))
  }
  return count
}

/** How many are too many is asked again for each slice: another process may be trimming too. */
async function trimByNumber(log: SqlLog, maxEvents: number): Promise<number> {
  const { position } = await log.snapshot((db) => readHead({ db }))
  const limit = async (db: SqlLog['db']) => (await countStored(db)) - maxEvents
  const which = inRange({ from: 0, to: position })
  return await deleteInSlices(log, { which, by: 'position', retires: true, limit })
}
