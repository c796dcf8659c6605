import type { OperationKey } from './lanes.ts'

/** A call of an operation. */
export interface OperationCall extends OperationKey {
  /** The operation's arguments, typed by `Calls`. */
  readonly args: readonly never[]
  /** The time of the call, in milliseconds since 1970. */
  readonly nowMs: number
}

/** Stands for the log among the names of document collections. */
export const LOG: unique symbol = Symbol('log')

/** What was changed: events, or documents of a collection; undefined if it may be anything. */
export type Changed = typeof LOG | string | undefined

export type Hear = (changed: Changed) => void

/** Receives notifications of changes by other processes; exists while there are watchers. */
export interface Channel {
  /** True while notifications arrive; undefined if the channel cannot break. */
  readonly isUp: boolean | undefined
  end(): void
}

/** An open database, which runs operations by their lanes. */
export interface Runner {
  /** @throws EventsError EVENTS_STORAGE_*, or EVENTS_NOT_RUNNING if it is closed meanwhile; the signal's reason */
  run(call: OperationCall, signal: AbortSignal | undefined): Promise<unknown>
  /** Calls `hear`, which must not throw, after another process changes something. */
  listen(hear: Hear): Channel
  /** Ends the calls under way and releases all resources. */
  close(): Promise<void>
}
