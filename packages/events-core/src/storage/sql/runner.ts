import type { OperationKey } from './lanes.ts'

/** An operation that is to be run. */
export interface OperationCall extends OperationKey {
  /** Of the kind that the operation takes: `Calls` sees to that. */
  readonly args: readonly never[]
  /** The time, in milliseconds since 1970, when it was asked for. */
  readonly nowMs: number
}

/** Stands for the log where collections of documents stand by their names. */
export const LOG: unique symbol = Symbol('log')

/** What was changed: events, or documents of a collection; undefined when it may be anything. */
export type Changed = typeof LOG | string | undefined

export type Hear = (changed: Changed) => void

/** Hears of changes by other processes, while anybody watches. */
export interface Channel {
  /** Whether it would hear of a change; undefined where nothing can break. */
  readonly isUp: boolean | undefined
  end(): void
}

/** An open database, which runs operations by their lanes. */
export interface Runner {
  /** @throws EventsError EVENTS_STORAGE_*, or EVENTS_NOT_RUNNING when it is closed meanwhile; the signal's reason */
  run(call: OperationCall, signal: AbortSignal | undefined): Promise<unknown>
  /** Calls `hear`, which does not throw, after another process changed something. */
  listen(hear: Hear): Channel
  /** Ends what is under way, and releases everything. */
  close(): Promise<void>
}
