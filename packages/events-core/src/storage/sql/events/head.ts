import type { LogHead } from '../../contract/storage.ts'
import type { SqlLog } from '../sql-log.ts'

/** The last position given out, whose it is, and where what is kept begins. */
export async function readHead({ db }: Pick<SqlLog, 'db'>): Promise<LogHead> {
  return await db
    .selectFrom('log_head')
    .select(['epoch', 'position', 'kept_from as keptFrom'])
    .executeTakeFirstOrThrow()
}
