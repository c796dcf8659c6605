import { expired } from '../search/predicate.ts'
import type { SqlCall } from '../sql-log.ts'
import { deleteInSlices } from './delete.ts'

/** Deletes the events whose time has come. */
export function sweepExpired(log: SqlCall): Promise<number> {
  return deleteInSlices(log, { which: expired(log.nowMs), by: 'expires_at' })
}
