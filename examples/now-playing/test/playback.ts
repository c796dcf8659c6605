import { join } from 'node:path'
import { createEventBus, type EventBus, type EventInput, type StoredEvent } from '@viewra/events-core'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import { onTestFinished } from 'vitest'

/** Starts a bus on a SQLite file. @param now the clock of bus and store */
export async function busOn(path: string, now?: () => number): Promise<EventBus> {
  const clock = now && { now }
  const bus = createEventBus({ storage: sqliteStorage({ path, ...clock }), ...clock })
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  return bus
}

export const databaseIn = (directory: string): string => join(directory, 'events.db')

interface Told {
  readonly session: string
  readonly user?: string
  readonly seconds?: number
}

const HOUR = 3_600

export function started({ session, user = `user of ${session}` }: Told): EventInput<'playback.started'> {
  const data = { ...sessionOf(session, user), timestamp: '2026-01-31T20:15:00Z' }
  return { type: 'playback.started', source: 'plugin:player', data }
}

export function progress({ session, user, seconds = 0 }: Told): EventInput<'playback.progress'> {
  const common = sessionOf(session, user ?? `user of ${session}`)
  const data = { ...common, current_time: seconds, duration: HOUR, playback_rate: 1, volume: 1 }
  return { type: 'playback.progress', source: 'plugin:player', data }
}

export function finished({ session, user, seconds = 0 }: Told): EventInput<'playback.finished'> {
  const common = sessionOf(session, user ?? `user of ${session}`)
  const figures = { progress_seconds: seconds, duration_seconds: HOUR, watch_percentage: 50 }
  return {
    type: 'playback.finished',
    source: 'plugin:player',
    data: { ...common, ...figures, finished: false, reason: 'stopped' },
  }
}

function sessionOf(session: string, user: string) {
  return { session_id: session, user_id: user, media_id: `film of ${session}`, device_id: 'tv' }
}

/** Returns the events published for stalled sessions, in order. */
export async function stalledIn(bus: EventBus): Promise<readonly StoredEvent[]> {
  const filter = { sources: ['processor:now-playing'] }
  const page = await bus.list({ filter, order: 'asc', limit: 10_000 })
  if (page.next !== undefined) throw new Error('There are more than 10,000')
  return page.events
}
