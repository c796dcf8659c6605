import type { EventFeed, EventFilter, FeedOptions } from '@viewra/events-core'
import type { AnyEventBus } from '../options.ts'
import { invalidRequest } from './problem.ts'
import { shown } from './request/rule.ts'

const CURSOR = /^(?<epoch>[^.\s]+)\.(?<position>\d{1,15})$/

/** Returns the cursor of a client that has handled everything up to the position. Clients send it back unchanged. */
export function writeLogCursor(epoch: string, position: number): string {
  return `${epoch}.${position}`
}

/** The place at which a client wants a feed to begin. */
export interface FeedStart {
  /** Behind this cursor. */
  readonly after?: string | undefined
  /** The start without a cursor, or with one of another store; 'now' by default. */
  readonly from?: 'beginning' | 'now' | undefined
  /** The name of the cursor in the request. */
  readonly parameter: string
}

export interface OpenedFeed {
  readonly feed: EventFeed
  /** The store's epoch, with which its cursors begin. */
  readonly epoch: string
  /** Whether the client's cursor belongs to another store, so that it must forget what it has. */
  readonly isReset: boolean
}

/**
 * Opens a feed where the client wants it. A cursor of another store, or of before this one was restored, counts as none.
 * @throws EventsError EVENTS_INVALID for what is no cursor, or one beyond the log; as `bus.feed`
 */
export async function openFeed(
  bus: AnyEventBus,
  filter: EventFilter,
  { after, from = 'now', parameter }: FeedStart,
  options: Pick<FeedOptions, 'name' | 'subscriber'>,
): Promise<OpenedFeed> {
  const wanted = after === undefined ? undefined : readLogCursor(after, parameter)
  const { epoch, position: end } = await bus.head()
  if (wanted?.epoch !== epoch) {
    return { feed: await bus.feed(filter, { ...options, from }), epoch, isReset: wanted !== undefined }
  }
  const { position } = wanted
  if (position > end)
    throw refused(parameter, `lies beyond the end of the log, ${writeLogCursor(epoch, end)}`)
  return { feed: await bus.feed(filter, { ...options, after: position }), epoch, isReset: false }
}

function readLogCursor(cursor: string, parameter: string): { epoch: string; position: number } {
  const { epoch, position } = CURSOR.exec(cursor)?.groups ?? {}
  if (epoch === undefined)
    throw refused(
      parameter,
      `must be a cursor as the stream gave it, <epoch>.<position>, not ${shown(cursor)}`,
    )
  return { epoch, position: Number(position) }
}

function refused(path: string, message: string): Error {
  return invalidRequest([{ path, message }])
}
