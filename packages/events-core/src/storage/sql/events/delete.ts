import { type Expression, expressionBuilder, type SqlBool, type Transaction } from 'kysely'
import { COUNTED_COLUMNS, type CountedRow, type LogTables } from '../schema.ts'
import { SliceSize } from '../search/windows.ts'
import type { SqlLog } from '../sql-log.ts'

const eb = expressionBuilder<LogTables, 'events'>()

/** Deletes the event of an id, expired or not, and answers whether there was one. */
export async function deleteEvent(log: SqlLog, id: string): Promise<boolean> {
  return (await deleteWhere(log, eb('id', '=', id))) > 0
}

/** Deletes events in one transaction, with what is kept about them, and answers how many there were. */
export function deleteWhere(log: SqlLog, predicate: Expression<SqlBool>): Promise<number> {
  return log.transaction(async (transaction) => (await deleteWithin(log, transaction, predicate)).length)
}

/** The same, for what is too old or too much: the kept log begins beyond the last of them. */
export function retireWhere(log: SqlLog, predicate: Expression<SqlBool>): Promise<number> {
  return log.transaction(async (transaction) => {
    const gone = await deleteWithin(log, transaction, predicate)
    await moveKeptFrom(transaction, gone)
    return gone.length
  })
}

export interface Slices {
  readonly which: Expression<SqlBool>
  /** Which go first. An index must give them in this order, or each slice sorts all that are left. */
  readonly by: 'position' | 'expires_at'
  /** Whether it is retention that removes them, so that the kept log begins beyond the last of them. */
  readonly retires?: boolean
  /** Asked in the transaction of each slice: how many may go yet. */
  readonly limit?: (transaction: Transaction<LogTables>) => Promise<number>
}

/** Deletes events a slice at a time, and answers how many there were. */
export async function deleteInSlices(log: SqlLog, slices: Slices): Promise<number> {
  const slice = new SliceSize(log.pace)
  let total = 0
  while (true) {
    const size = slice.begin()
    const gone = await log.transaction((transaction) => deleteSlice(log, transaction, slices, size))
    slice.end()
    total += gone
    if (gone < size) return total
    await log.pace.rest()
  }
}

async function deleteSlice(
  log: SqlLog,
  transaction: Transaction<LogTables>,
  { which, by, retires, limit }: Slices,
  size: number,
): Promise<number> {
  const wanted = Math.min(size, limit ? await limit(transaction) : size)
  if (wanted <= 0) return 0
  const first = eb.selectFrom('events').select('position').where(which).orderBy(by).limit(wanted)
  const gone = await deleteWithin(log, transaction, eb('position', 'in', first))
  if (retires) await moveKeptFrom(transaction, gone)
  return gone.length
}

async function moveKeptFrom(transaction: Transaction<LogTables>, gone: readonly CountedRow[]): Promise<void> {
  if (gone.length === 0) return
  const keptFrom = gone.reduce((last, { position }) => Math.max(last, position), 0) + 1
  await transaction
    .updateTable('log_head')
    .set({ kept_from: keptFrom })
    .where('kept_from', '<', keptFrom)
    .execute()
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
