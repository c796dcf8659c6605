import type { LogHead } from '../storage.ts'
import type { SqlLog } from './sql-log.ts'

/** The last position given out, and whose it is. */
export async function readHead({ db }: Pick<SqlLog, 'db'>): Promise<LogHead> {
  return await db.selectFrom('log_head').select(['epoch', 'position']).executeTakeFirstOrThrow()
}
