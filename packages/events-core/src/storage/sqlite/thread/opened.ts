import type { OperationCall } from '../../sql/runner.ts'
import type { SqlLog } from '../../sql/sql-log.ts'
import type { LogFile } from '../file/log-file.ts'

export type Work = (log: SqlLog) => Promise<unknown>

/** The open file of one thread. */
export interface Opened {
  readonly file: LogFile
  /** Copies a removed log into the file and stops using it. Only for the writer, while no other thread has the file open. */
  saveLog?(): void
  /** Runs work in its lane. @param signal aborts if the caller no longer waits for the answer, or if the store is closed */
  run(lane: OperationCall['lane'], work: Work, signal: AbortSignal): Promise<unknown>
}
