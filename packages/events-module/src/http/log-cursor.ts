import type { EventFeed, EventFilter, FeedOptions } from '@viewra/events-core'
import type { AnyEventBus } from '../options.ts'
import { invalidRequest } from './problem.ts'
import { shown } from './request/rule.ts'

const CURSOR = /^(?<epoch>[^.\s]+)\.(?<position>\d{1,15})$/

/** Where a client is in the log: all up to the position is done with. Clients send it back as they got it. */
export function writeLogCursor(epoch: string, position: number): string {
  return `${epoch}.${position}`
}

/** Where a client wants a feed to begin. */
export interface FeedStart {
  /** Behind this cursor. */
  readonly after?: string | undefined
  /** Without a cursor, or with one of another store; 'now' by default. */
  readonly from?: 'beginning' | 'now' | undefined
  /** How the request names the cursor. */
  readonly parameter: string
}

export interface OpenedFeed {
  readonly feed: EventFeed
  /** Of the store: what its cursors begin with. */
  readonly epoch: string
  /** Whether the client's cursor is of another store, so that what it has means nothing here. */
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
