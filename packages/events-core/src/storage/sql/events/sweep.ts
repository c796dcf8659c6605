import { expired } from '../search/predicate.ts'
import type { SqlLog } from '../sql-log.ts'
import { deleteInSlices } from './delete.ts'

/** Deletes the events whose time has come. */
export function sweepExpired(log: SqlLog, nowMs: number): Promise<number> {
  return deleteInSlices(log, { which: expired(nowMs), by: 'expires_at' })
}
