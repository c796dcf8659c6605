import type { ErrorCode, Issue } from '../../../errors.ts'
import type { StoredEvent } from '../../../event/event.ts'
import type { EventFilter } from '../../../filter/filter.ts'
import type {
  AppendResult,
  EventPage,
  EventQuery,
  EventTotals,
  LogHead,
  ReadQuery,
  ReadResult,
  TrimPolicy,
} from '../../contract/storage.ts'
import type { SubscriptionReaderCalls, SubscriptionWriterCalls } from './subscription-messages.ts'

/** What a thread needs to open the file. */
export interface ThreadSettings {
  readonly role: 'reader' | 'writer'
  readonly path: string
  readonly busyTimeoutMs: number
  readonly synchronous: 'full' | 'normal'
  readonly maxBytes?: number
}

/**
 * An event on its way to the writer. A tuple crosses to another thread at half the cost of an object, on the event
 * loop of whoever publishes.
 */
export type AppendRow = readonly [
  id: string,
  type: string,
  source: string,
  target: string,
  title: string,
  message: string,
  dataJson: string,
  priority: number,
  tags: readonly string[],
  timestampMs: number,
  ttl: number | null,
  expiresAtMs: number | null,
  correlationId: string | null,
  causationId: string | null,
  traceparent: string | null,
]

/** What goes in and comes out of each method that a thread answers. */
export type WriterCalls = SubscriptionWriterCalls & {
  /** Opens the file; other calls do so too if nobody has. */
  open: { in: null; out: null }
  /** @param behind whether it is carried out only if the append before it succeeded */
  append: { in: { rows: readonly AppendRow[]; nowMs: number; behind: boolean }; out: AppendResult }
  delete: { in: { id: string }; out: boolean }
  deleteMatching: { in: { filter: EventFilter }; out: number }
  clear: { in: null; out: number }
  sweepExpired: { in: { nowMs: number }; out: number }
  trim: { in: { policy: TrimPolicy; nowMs: number }; out: number }
  /** A number that changes when another process has changed the file. */
  dataVersion: { in: null; out: number }
}

export type ReaderCalls = SubscriptionReaderCalls & {
  open: { in: null; out: null }
  head: { in: null; out: LogHead }
  read: { in: { query: ReadQuery; nowMs: number }; out: ReadResult }
  list: { in: { query: EventQuery; nowMs: number }; out: EventPage }
  get: { in: { id: string; nowMs: number }; out: StoredEvent | undefined }
  count: { in: { filter: EventFilter; nowMs: number }; out: number }
  totals: { in: { nowMs: number }; out: EventTotals }
}

export type Calls = Readonly<Record<string, { in: unknown; out: unknown }>>

/** What answers the calls. */
export type Service<C extends Calls> = {
  /** @param signal aborts when nobody waits for the answer any more, or the store is closed */
  readonly [K in keyof C]: (argument: C[K]['in'], signal: AbortSignal) => Promise<C[K]['out']>
}

/** A call on its way. */
export interface Call {
  readonly kind: 'call'
  readonly id: number
  readonly method: string
  /** Only the method knows what it is. */
  readonly argument: never
}

/** What a thread is told; 'abort' says that nobody waits for the answer of the call of that id any more. */
export type ThreadMessage =
  | Call
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
