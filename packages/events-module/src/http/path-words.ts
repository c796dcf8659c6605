import type { EventInput } from '@viewra/events-core'
import type { FastifyInstance } from 'fastify'
import { invalidRequest } from './problem.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The first words of the paths below the module's prefix. */
    eventsPathWords: ReadonlySet<string>
  }
}

/** Collects the words with which paths begin. Call it before the routes are added. */
export function collectPathWords(scope: FastifyInstance): void {
  const words = new Set(['docs'])
  scope.decorate('eventsPathWords', words)
  scope.addHook('onRoute', ({ routePath }) => {
    const [, word = ''] = routePath.split('/', 2)
    if (/^[^:*]/.test(word)) words.add(word)
  })
}

/**
 * Refuses an id that is the first word of a path: its event could be published, and then neither be read nor be deleted.
 * @throws EventsError EVENTS_INVALID
 */
export function refusePathWord(
  { eventsPathWords }: FastifyInstance,
  id: EventInput['id'],
  path: string,
): void {
  if (id === undefined || !eventsPathWords.has(id)) return
  throw invalidRequest([{ path, message: `must not be '${id}', which is a path of this API` }])
}
