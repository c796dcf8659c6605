import type { EventTypes, StoredEvent } from '@viewra/events-core'
import { type ProcessorWorker, processor } from '@viewra/events-core/processors'

/** A playback session that has not ended, as the processor keeps it. */
export interface Session {
  readonly user_id: string
  readonly media_id: string
  readonly device_id: string
  /** The time at which its first event was recorded, in milliseconds since 1970. */
  readonly since_ms: number
  readonly progress_seconds: number
  /** 0 until the first `playback.progress`, which contains it. */
  readonly duration_seconds: number
}

export interface NowPlayingOptions {
  /** The time without progress after which a session ends; 60,000 by default. */
  readonly stalledAfterMs?: number
  /** The time without a renewal after which another process takes over; 6,000 by default. */
  readonly leaseMs?: number
}

const NAME = 'now-playing'

/**
 * Keeps the sessions that are being played. A session without progress for too long ends by a timer, which publishes
 * `playback.finished` with the reason `stalled`.
 */
export function nowPlaying({ stalledAfterMs = 60_000, leaseMs }: NowPlayingOptions = {}): ProcessorWorker {
  return processor<Session>(NAME, {
    filter: { types: ['playback.started', 'playback.progress', 'playback.finished'] },
    revision: 1,
    // Sessions that were abandoned before the first start are ended too.
    from: 'beginning',
    key: keyOf,
    step(event, session, { now, set, setTimer, clearTimer }) {
      if (event.type === 'playback.finished') {
        set(undefined)
        clearTimer()
        return
      }
      set(sessionAfter(event, session, now))
      setTimer(now + stalledAfterMs)
    },
    timer(sessionId, session, { set, emit }) {
      if (session === undefined) return
      set(undefined)
      emit({ type: 'playback.finished', title: 'Playback stalled', data: stalled(sessionId, session) })
    },
    ...(leaseMs !== undefined && { leaseMs }),
  })
}

/**
 * Returns the session of an event, except for the processor's own events, which it also receives. While it catches up, they
 * are stored after events with which the session may have resumed, and must not end it again.
 */
function keyOf({ source, data }: StoredEvent): string | undefined {
  return source === `processor:${NAME}` ? undefined : text(data.session_id, 'session_id')
}

function sessionAfter({ type, data }: StoredEvent, before: Session | undefined, nowMs: number): Session {
  const hasProgress = type === 'playback.progress'
  return {
    user_id: text(data.user_id, 'user_id'),
    media_id: text(data.media_id, 'media_id'),
    device_id: text(data.device_id, 'device_id'),
    since_ms: before?.since_ms ?? nowMs,
    progress_seconds: hasProgress ? seconds(data.current_time, 'current_time') : 0,
    duration_seconds: hasProgress ? seconds(data.duration, 'duration') : (before?.duration_seconds ?? 0),
  }
}

function stalled(session_id: string, session: Session): EventTypes['playback.finished'] {
  const { user_id, media_id, device_id, progress_seconds, duration_seconds } = session
  const share = duration_seconds === 0 ? 0 : progress_seconds / duration_seconds
  const watch_percentage = Math.min(100, Math.round(share * 1_000) / 10)
  return {
    ...{ session_id, user_id, media_id, device_id },
    ...{ progress_seconds, duration_seconds, watch_percentage },
    finished: false,
    reason: 'stalled',
  }
}

// Publishers need not check payloads. An event for which one of these throws becomes a dead letter, and its session stays as
// it was.

function text(value: unknown, field: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(`data.${field} must be a non-empty string`)
}

function seconds(value: unknown, field: string): number {
  if (typeof value === 'number' && value >= 0) return value
  throw new TypeError(`data.${field} must be a number of at least 0`)
}
