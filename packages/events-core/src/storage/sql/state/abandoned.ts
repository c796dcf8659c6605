import type { Kysely } from 'kysely'
import type { LogTables } from '../schema.ts'
import { SliceSize } from '../search/windows.ts'
import type { SqlLog } from '../sql-log.ts'

/** Marks the states of a subscription's partitions as abandoned: they may be many, so the sweep deletes them later. */
export async function abandonStates(db: Kysely<LogTables>, name: string): Promise<void> {
  await db
    .insertInto('abandoned_states')
    .columns(['id'])
    .expression((query) =>
      query
        .selectFrom('subscription_partitions')
        .select('state_id as id')
        .where('name', '=', name)
        .where('state_keys', '>', 0),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Deletes abandoned states, a slice at a time. */
export async function sweepAbandonedStates(log: SqlLog): Promise<void> {
  const ids = await log.db.selectFrom('abandoned_states').select('id').execute()
  for (const { id } of ids) await deleteStates(log, id)
}

async function deleteStates(log: SqlLog, id: number): Promise<void> {
  const slice = new SliceSize(log.pace)
  while (true) {
    const size = slice.begin()
    const gone = await log.aside((transaction) => deleteSlice(transaction, id, size))
    slice.end()
    if (gone < size) break
    await log.pace.rest()
  }
}

/** Deletes a slice of an id's states, and the id with the last of them. */
async function deleteSlice(db: Kysely<LogTables>, id: number, size: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('subscription_states')
    .where('id', '=', id)
    .where('key', 'in', (query) =>
      query.selectFrom('subscription_states').select('key').where('id', '=', id).orderBy('key').limit(size),
    )
    .executeTakeFirstOrThrow()
  const gone = Number(numDeletedRows)
  if (gone < size) await db.deleteFrom('abandoned_states').where('id', '=', id).execute()
  return gone
}
