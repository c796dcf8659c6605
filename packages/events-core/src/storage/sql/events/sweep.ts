import { expired } from '../search/predicate.ts'
import type { SqlCall } from '../sql-log.ts'
import { sweepAbandonedStates } from '../state/abandoned.ts'
import { deleteInSlices } from './delete.ts'

/** Deletes expired events and abandoned states. Returns the number of events. */
export async function sweepExpired(log: SqlCall): Promise<number> {
  await sweepAbandonedStates(log)
  return await deleteInSlices(log, { which: expired(log.nowMs), by: 'expires_at' })
}
