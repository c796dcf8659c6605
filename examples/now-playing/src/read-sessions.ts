import type { EventStorage } from '@viewra/events-core'
import type { Session } from './sessions.ts'

/** Sessions by their ids. */
export type Sessions = ReadonlyMap<string, Session>

/** More sessions than a person reads. */
const MAX_SESSIONS = 10_000

/**
 * Reads the sessions that a processor has committed in any process: the 10,000 whose last event is oldest, in the order in
 * which they began.
 * @param name the processor's name with its revision
 * @throws EventsError EVENTS_STORAGE_*
 */
export async function readSessions(storage: EventStorage, name: string): Promise<Sessions> {
  const states = await storage.state.oldest({ name, partition: 0 }, MAX_SESSIONS)
  const sessions = states.map(({ key, value }) => {
    // Only the processor writes its state.
    const session: Session = JSON.parse(value ?? 'null')
    return [key, session] as const
  })
  return new Map(sessions.sort(([a, { since_ms: x }], [b, { since_ms: y }]) => x - y || (a < b ? -1 : 1)))
}
