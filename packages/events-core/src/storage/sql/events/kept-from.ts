import type { Kysely } from 'kysely'
import { type KeptFrom, raise, type TypeSelection } from '../../kept-from.ts'
import type { LogTables } from '../schema.ts'

/**
 * Records that retention removed events of some types below a position. Must run in the transaction that removed them,
 * which holds the lock on the head, so that no other process changes the map meanwhile.
 */
export async function raiseKeptFrom(
  db: Kysely<LogTables>,
  selection: TypeSelection,
  position: number,
): Promise<void> {
  const rows = await db.selectFrom('kept_from').select(['type', 'position']).execute()
  const before: KeptFrom = new Map(rows.map((row) => [row.type, row.position]))
  const after = raise(before, selection, position)
  for (const type of before.keys())
    if (!after.has(type)) await db.deleteFrom('kept_from').where('type', '=', type).execute()
  for (const [type, position] of after)
    if (before.get(type) !== position) await putKeptFrom(db, type, position)
}

async function putKeptFrom(db: Kysely<LogTables>, type: string, position: number): Promise<void> {
  await db
    .insertInto('kept_from')
    .values({ type, position })
    .onConflict((conflict) => conflict.column('type').doUpdateSet({ position }))
    .execute()
}
