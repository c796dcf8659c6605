import type { EventInput } from '@viewra/events-core'
import { invalidRequest } from './problem.ts'

/**
 * The first words of this module's own paths. They are never ids: an event of such an id could be published, and then
 * neither be read nor be deleted.
 */
const PATH_WORDS: ReadonlySet<string> = new Set([
  'asyncapi.json',
  'batch',
  'clear',
  'dead-letters',
  'docs',
  'health',
  'openapi.json',
  'range',
  'stats',
  'stream',
  'subscriptions',
  'tickets',
  'types',
  'ws',
])

/** @throws EventsError EVENTS_INVALID for an id that is a path */
export function refusePathWord(id: EventInput['id'], path: string): void {
  if (id === undefined || !PATH_WORDS.has(id)) return
  throw invalidRequest([{ path, message: `must not be '${id}', which is a path of this API` }])
}
