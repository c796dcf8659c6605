import { sql } from 'kysely'
import type { CommitCondition } from '../../contract/commit.ts'
import type { SqlCall } from '../sql-log.ts'

/**
 * Takes the log's head, and has nothing recorded before a time, if nothing was appended and the store's clock has reached
 * it. Else returns what does not hold.
 */
export async function raiseRecorded(
  { db, dialect, nowMs }: SqlCall,
  { head, reachedMs }: CommitCondition,
): Promise<'log_grew' | 'too_early' | undefined> {
  const raised = await db
    .updateTable('log_head')
    .set({ recorded: sql<number>`case when recorded < ${reachedMs} then ${reachedMs} else recorded end` })
    .where('position', '=', head)
    .where((eb) => eb.or([eb('recorded', '>=', reachedMs), eb(dialect.clock(nowMs), '>=', reachedMs)]))
    .returning('position')
    .executeTakeFirst()
  if (raised !== undefined) return undefined
  const { position } = await db.selectFrom('log_head').select('position').executeTakeFirstOrThrow()
  return position === head ? 'too_early' : 'log_grew'
}
