/**
 * The first words of this module's own paths. They are never ids: an event of such an id could be published, and then
 * neither be read nor be deleted.
 */
export const PATH_WORDS: ReadonlySet<string> = new Set([
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
