import type { ErrorCode, Issue } from '../../../errors.ts'
import type { OperationCall } from '../../sql/runner.ts'

/** What a thread needs to open the file. */
export interface ThreadSettings {
  readonly role: 'reader' | 'writer'
  readonly path: string
  readonly busyTimeoutMs: number
  readonly synchronous: 'full' | 'normal'
  readonly maxBytes?: number
}

/** What a thread is asked for. */
export type Request =
  /** To open the file, as any other request does if nobody has. */
  | { readonly kind: 'open' }
  /** To run an operation of its lanes. */
  | ({ readonly kind: 'run' } & OperationCall)
  /** For a number that changes when another process has changed the file. Of the writer only. */
  | { readonly kind: 'dataVersion' }

/** What a thread is told; 'abort' says that nobody waits for the answer to the request of that id any more. */
export type ThreadMessage =
  | (Request & { readonly id: number })
  | { readonly kind: 'abort'; readonly id: number }
  /** Asks it to end what is under way, close the file and exit. */
  | { readonly kind: 'close'; readonly id: number }

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorMessage }

/** An EventsError as it crosses between threads, which would make a plain Error of it. */
export interface ErrorMessage {
  readonly code: ErrorCode
  readonly message: string
  readonly issues: readonly Issue[]
  readonly cause?: { readonly message: string; readonly code?: string }
}
