import type { ErrorCode, Issue } from '../../../errors.ts'
import type { OperationCall } from '../../sql/runner.ts'

/** The settings with which a thread opens the file. */
export interface ThreadSettings {
  readonly role: 'reader' | 'writer'
  readonly path: string
  readonly busyTimeoutMs: number
  readonly synchronous: 'full' | 'normal'
  readonly maxBytes?: number
}

/** A request to a thread. */
export type Request =
  /** Opens the file, like any other request if it is not open. */
  | { readonly kind: 'open' }
  /** Runs an operation of the thread's lanes. */
  | ({ readonly kind: 'run' } & OperationCall)
  /** Copies a removed log into the file and stops using it. Only for the writer. */
  | { readonly kind: 'saveLog' }
  /** Returns a number that changes when another process changes the file. Only for the writer. */
  | { readonly kind: 'dataVersion' }

/** A message to a thread; 'abort' means that the caller no longer waits for the answer to the request with this id. */
export type ThreadMessage =
  | (Request & { readonly id: number })
  | { readonly kind: 'abort'; readonly id: number }
  /** Ends the calls under way, closes the file and exits. */
  | { readonly kind: 'close'; readonly id: number }

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorMessage }

/** An EventsError in the form in which it is passed between threads, which would turn it into a plain Error. */
export interface ErrorMessage {
  readonly code: ErrorCode
  readonly message: string
  readonly issues: readonly Issue[]
  readonly cause?: { readonly message: string; readonly code?: string }
}
