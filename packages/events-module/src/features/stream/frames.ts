import type { EventFilter, PublishedEvent } from '@viewra/events-core'

/** Why a stream ends: the app shuts down, the bus stopped, or the client reads too slowly. */
export type GoodbyeReason = 'shutdown' | 'stopped' | 'too_slow'

/**
 * What a client of the stream is sent: each is one unnamed event whose data is the frame as JSON.
 *
 * `connected` comes first: every matching event from then on follows. `bye` comes last, unless the connection broke.
 */
export type StreamFrame =
  | {
      readonly type: 'connected'
      readonly data: { readonly subscription: string; readonly filter: EventFilter }
    }
  | { readonly type: 'event'; readonly data: PublishedEvent }
  | { readonly type: 'heartbeat'; readonly data: Readonly<Record<string, never>> }
  | { readonly type: 'bye'; readonly data: { readonly reason: GoodbyeReason } }

const MESSAGES = {
  connected: 'Connected to event stream',
  heartbeat: 'keepalive',
  bye: 'Stream closed by the server',
} as const satisfies Partial<Record<StreamFrame['type'], string>>

/** The frame as server-sent text. JSON has no line breaks, so no value can end the frame or begin another. */
export function encodeFrame({ type, data }: StreamFrame, nowMs: number): string {
  const time = new Date(nowMs).toISOString()
  const message = type === 'event' ? {} : { message: MESSAGES[type] }
  return `data: ${JSON.stringify({ type, data, ...message, time })}\n\n`
}
