import type { AppendResult } from '../../contract/storage.ts'
import type { SqlCall } from '../sql-log.ts'
import type { AppendRow } from './append-row.ts'

/** Stores all events or none, each at the next position, except those whose id is already stored. */
export function appendRows(
  { db, dialect, nowMs }: SqlCall,
  rows: readonly AppendRow[],
): Promise<AppendResult> {
  return dialect.append(db, rows, nowMs)
}
