import type { AppendResult } from '../../contract/storage.ts'
import type { SqlCall } from '../sql-log.ts'
import type { AppendRow } from './append-row.ts'

/** Stores all events or none, each with the next position, but for those whose id is stored. */
export function appendRows(
  { db, dialect, nowMs }: SqlCall,
  rows: readonly AppendRow[],
): Promise<AppendResult> {
  return dialect.append(db, rows, nowMs)
}
