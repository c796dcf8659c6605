import { type Expression, expressionBuilder, type SqlBool, type Transaction } from 'kysely'
import type { TypeSelection } from '../../kept-from.ts'
import { COUNTED_COLUMNS, type CountedRow, type LogTables } from '../schema.ts'
import { inRange } from '../search/predicate.ts'
import { type Range, SliceSize, windows } from '../search/windows.ts'
import type { SqlLog } from '../sql-log.ts'
import { raiseKeptFrom } from './kept-from.ts'

const eb = expressionBuilder<LogTables, 'events'>()

/** Deletes the event with an id, expired or not. Returns false if there is none. */
export async function deleteEvent(log: SqlLog, id: string): Promise<boolean> {
  return (await deleteWhere(log, eb('id', '=', id))) > 0
}

/** Deletes events, with their counts and tags, in one transaction. Returns the number of deleted events. */
export function deleteWhere(log: SqlLog, predicate: Expression<SqlBool>): Promise<number> {
  return log.transaction(async (transaction) => (await deleteWithin(log, transaction, predicate)).length)
}

export interface Slices {
  readonly which: Expression<SqlBool>
  /** Restricts the deletion to these types, at most 100; an index finds the events of each. Every type by default. */
  readonly types?: readonly string[] | undefined
  /** The order of deletion. An index must provide it, or each slice sorts all remaining events. */
  readonly by: 'position' | 'expires_at'
  /** The types of which retention removes events: their kept-from moves beyond the last of them. */
  readonly retires?: TypeSelection
  /** Returns how many more events may be deleted; called in the transaction of each slice. */
  readonly limit?: Limit | undefined
}

export type Limit = (transaction: Transaction<LogTables>) => Promise<number>

/** Deletes events a slice at a time and returns their number. */
export async function deleteInSlices(log: SqlLog, slices: Slices): Promise<number> {
  const slice = new SliceSize(log.pace)
  let total = 0
  while (true) {
    const size = slice.begin()
    const gone = await log.transaction((transaction) => deleteFirst(log, transaction, slices, size))
    slice.end()
    total += gone ?? 0
    if (gone === undefined || gone < size) return total
    await log.pace.rest()
  }
}

/** Deletes events that no index finds, a window of positions at a time, and returns their number. */
export async function deleteInWindows(log: SqlLog, range: Range, slices: Slices): Promise<number> {
  let total = 0
  for await (const window of windows(range, 'asc', log.pace)) {
    const within = { ...slices, which: eb.and([inRange(window), slices.which]) }
    const size = window.to - window.from
    const gone = await log.transaction((transaction) => deleteFirst(log, transaction, within, size))
    if (gone === undefined) break
    total += gone
  }
  return total
}

/** Returns the number of deleted events; undefined if no more may be deleted. */
async function deleteFirst(
  log: SqlLog,
  transaction: Transaction<LogTables>,
  slices: Slices,
  size: number,
): Promise<number | undefined> {
  const { retires, limit } = slices
  const wanted = Math.min(size, limit ? await limit(transaction) : size)
  if (wanted <= 0) return undefined
  const gone = await deleteWithin(log, transaction, eb('position', 'in', firstOf(slices, wanted)))
  const last = gone.reduce((last, { position }) => Math.max(last, position), 0)
  if (retires && last > 0) await raiseKeptFrom(transaction, retires, last + 1)
  return gone.length
}

/** Selects the positions of the first events to delete. For several types, it examines the first events of each. */
function firstOf({ which, types, by }: Slices, wanted: number) {
  const all = eb.selectFrom('events').select('position').where(which).orderBy(by).limit(wanted)
  if (types === undefined) return all
  const [first = all, ...others] = types.map((type) =>
    eb.selectFrom(all.where('type', '=', type).as('of_type')).select('position'),
  )
  const candidates = others.reduce((union, other) => union.unionAll(other), first)
  return eb.selectFrom(candidates.as('candidates')).select('position').orderBy('position').limit(wanted)
}

async function deleteWithin(
  log: SqlLog,
  transaction: Transaction<LogTables>,
  predicate: Expression<SqlBool>,
): Promise<readonly CountedRow[]> {
  const gone = await transaction.deleteFrom('events').where(predicate).returning(COUNTED_COLUMNS).execute()
  if (gone.length > 0) await log.dialect.forget(transaction, gone)
  return gone
}
