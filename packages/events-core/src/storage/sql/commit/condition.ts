import { sql } from 'kysely'
import type { CommitCondition } from '../../contract/commit.ts'
import type { SqlCall } from '../sql-log.ts'

/**
 * Locks the log's head and ensures that no later event is recorded before a time, if nothing was appended and the store's
 * clock has reached that time. Otherwise returns the condition that does not hold.
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
