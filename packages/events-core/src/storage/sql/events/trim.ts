import { expressionBuilder } from 'kysely'
import type { TrimPolicy } from '../../contract/storage.ts'
import { countStored } from '../counts/kept-counts.ts'
import { forgetRecordedMinutes, recordedBefore } from '../counts/recorded-minutes.ts'
import type { LogTables } from '../schema.ts'
import { inRange } from '../search/predicate.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'
import { deleteInSlices, deleteInWindows, type Limit, type Slices } from './delete.ts'
import { readHead } from './head.ts'
import { type SelectedTypes, selectTypes } from './selected-types.ts'

const eb = expressionBuilder<LogTables, 'events'>()

/** Trims events by age, then by position, then by number. The policy must be checked. */
export async function trimEvents(call: SqlCall, policy: TrimPolicy): Promise<number> {
  const { maxAgeMs, maxEvents, upTo } = policy
  const selected = await selectTypes(call, policy)
  if (selected === undefined) return 0
  let count = 0
  if (maxAgeMs !== undefined) count += await trimByAge(call, selected, (await storeMs(call)) - maxAgeMs)
  if (upTo !== undefined) count += await trimUpTo(call, selected, upTo)
  if (maxEvents !== undefined) count += await trimByNumber(call, selected, maxEvents)
  if (count > 0) await forgetRecordedMinutes(call)
  return count
}

/** Young events may lie between old ones: in older stores, recorded times went back when the clock was set back. */
async function trimByAge(log: SqlLog, selected: SelectedTypes, earliestMs: number): Promise<number> {
  const range = await recordedBefore(log, earliestMs)
  const slices = slicesOf(selected, eb('recorded_at', '<', earliestMs))
  return selected.few === undefined
    ? await deleteInWindows(log, range, slices)
    : await deleteInSlices(log, { ...slices, which: eb.and([inRange(range), slices.which]) })
}

async function trimUpTo(log: SqlLog, selected: SelectedTypes, upTo: number): Promise<number> {
  const { position } = await log.snapshot((db) => readHead({ db }))
  return await deleteUpTo(log, selected, Math.min(upTo, position))
}

/** The excess is counted again for each slice: another process may be trimming too. */
async function trimByNumber(log: SqlLog, selected: SelectedTypes, maxEvents: number): Promise<number> {
  const { position } = await log.snapshot((db) => readHead({ db }))
  const limit: Limit = async (db) => (await countStored(db, selected.predicate)) - maxEvents
  return await deleteUpTo(log, selected, position, limit)
}

async function deleteUpTo(
  log: SqlLog,
  selected: SelectedTypes,
  position: number,
  limit?: Limit,
): Promise<number> {
  const range = { from: 0, to: position }
  const slices = { ...slicesOf(selected, inRange(range)), limit }
  const isByIndex = selected.isAll || selected.few !== undefined
  return await (isByIndex ? deleteInSlices(log, slices) : deleteInWindows(log, range, slices))
}

function slicesOf({ few, isAll, predicate, selection }: SelectedTypes, which: Slices['which']): Slices {
  const isSaid = isAll || few !== undefined
  return {
    which: isSaid ? which : eb.and([which, predicate]),
    types: few,
    by: 'position',
    retires: selection,
  }
}

/** Returns the store's time, at which events are recorded. */
async function storeMs({ db, dialect, nowMs }: SqlCall): Promise<number> {
  const { ms } = await db.selectNoFrom(dialect.clock(nowMs).as('ms')).executeTakeFirstOrThrow()
  return ms
}
