import { expired } from '../search/predicate.ts'
import type { SqlCall } from '../sql-log.ts'
import { sweepAbandonedStates } from '../state/abandoned.ts'
import { deleteInSlices } from './delete.ts'

/** Deletes the events whose time has come, and states that nobody reads any more. Returns how many events there were. */
export async function sweepExpired(log: SqlCall): Promise<number> {
  await sweepAbandonedStates(log)
  return await deleteInSlices(log, { which: expired(log.nowMs), by: 'expires_at' })
}
