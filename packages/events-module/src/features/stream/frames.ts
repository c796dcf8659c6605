import type { EventFilter, FeedItem, PublishedEvent } from '@viewra/events-core'
import { toCloudEvent } from '../../http/cloudevents/cloudevent.ts'
import type { GoodbyeReason } from '../../http/connections/connection-life.ts'
import { eventJson } from '../../http/event-json.ts'
import { writeLogCursor } from '../../http/log-cursor.ts'

/** A notice that is sent beside events. `connected` comes first, and `bye` last unless the connection broke. */
export type Notice =
  | { readonly type: 'connected'; readonly subscription: string; readonly filter: EventFilter }
  | { readonly type: 'heartbeat' | 'caught_up' | 'fell_behind' | 'reset' }
  | { readonly type: 'gap'; readonly from: number; readonly to: number }
  | { readonly type: 'bye'; readonly reason: GoodbyeReason }

/** Writes events and notices as server-sent text. */
export interface StreamFormat {
  /** Whether a client that requested no history is told that it is live. */
  readonly announcesLive: boolean
  /** One frame each, in one piece: the very same for the very same array. */
  events(events: readonly PublishedEvent[], epoch: string): Buffer
  /** @param cursor where a client goes on that has all up to here */
  notice(notice: Notice, cursor: string): string
}

/** Returns the notice that reports a feed's item. */
export function noticeOf(item: Exclude<FeedItem, { kind: 'events' }>): Notice {
  return item.kind === 'gap' ? { type: 'gap', from: item.from, to: item.to } : { type: item.kind }
}

/** Returns the time for which a client waits before it reconnects; random, so that not all clients come at once. */
function retryLine(): string {
  return `retry: ${RETRY_MS + Math.floor(Math.random() * RETRY_SPREAD_MS)}\n`
}

const RETRY_MS = 1_000
const RETRY_SPREAD_MS = 2_000

/** Encodes events once for all clients that get the same array. */
function encodedOnce(frameOf: (event: PublishedEvent, idLine: string) => string): StreamFormat['events'] {
  const known = new WeakMap<readonly PublishedEvent[], Buffer>()
  return (events, epoch) => {
    const before = known.get(events)
    if (before !== undefined) return before
    const encoded = encode(events, epoch, frameOf)
    known.set(events, encoded)
    return encoded
  }
}

function encode(
  events: readonly PublishedEvent[],
  epoch: string,
  frameOf: (event: PublishedEvent, idLine: string) => string,
): Buffer {
  let text = ''
  for (const event of events) {
    // A live-only event has no place in the log: the cursor before it stays the client's last one.
    const { position } = event
    text += frameOf(event, position === undefined ? '' : `id: ${writeLogCursor(epoch, position)}\n`)
  }
  return Buffer.from(text)
}

const MESSAGES = {
  connected: 'Connected to event stream',
  heartbeat: 'keepalive',
  caught_up: 'What follows is live',
  fell_behind: 'More came than was read; what follows comes from the store',
  reset: 'The cursor is of another event store',
  gap: 'Some events are no longer kept',
  bye: 'Stream closed by the server',
} as const satisfies Record<Notice['type'], string>

/**
 * Unnamed messages whose data is `{ type, data, time }`. JSON has no line breaks, so no value can end a frame or begin
 * another.
 */
export const plainFormat: StreamFormat = {
  // It has nothing to catch up with, and older clients do not know the word.
  announcesLive: false,
  events: encodedOnce(
    (event, idLine) =>
      `${idLine}data: {"type":"event","data":${eventJson(event)},"time":"${new Date().toISOString()}"}\n\n`,
  ),
  notice(notice, cursor) {
    const { type } = notice
    const text = JSON.stringify({
      type,
      data: plainData(notice, cursor),
      message: MESSAGES[type],
      time: new Date().toISOString(),
    })
    return `${type === 'connected' ? retryLine() : ''}id: ${cursor}\ndata: ${text}\n\n`
  },
}

function plainData(notice: Notice, cursor: string): object {
  const { type, ...fields } = notice
  // As clients have known these two from the beginning.
  if (type === 'connected' || type === 'heartbeat') return fields
  return type === 'gap' ? { ...fields, archived: false } : { ...fields, cursor }
}

/** Named messages: events as CloudEvents, and notices as their data alone. Where the client is, `checkpoint` says. */
export const cloudEventsFormat: StreamFormat = {
  announcesLive: true,
  events: encodedOnce(
    (event, idLine) => `event: event\n${idLine}data: ${JSON.stringify(toCloudEvent(event))}\n\n`,
  ),
  notice({ type, ...fields }, cursor) {
    const isCheckpoint = type === 'connected' || type === 'heartbeat'
    const data = isCheckpoint ? { cursor } : { ...fields, ...(type === 'gap' && { archived: false }), cursor }
    const retry = type === 'connected' ? retryLine() : ''
    const name = isCheckpoint ? 'checkpoint' : type
    return `${retry}event: ${name}\nid: ${cursor}\ndata: ${JSON.stringify(data)}\n\n`
  },
}
