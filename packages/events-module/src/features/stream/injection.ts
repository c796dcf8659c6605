import type { ServerResponse } from 'node:http'

/**
 * Returns how a response is read whose request came through `app.inject`, in tests mostly: as it comes (`payloadAsStream`),
 * or as a whole, which an endless response never is. Undefined for a response to a connection.
 */
export function injectionOf(response: ServerResponse): 'as it comes' | 'as a whole' | undefined {
  if (!('isLightMyRequest' in response)) return undefined
  const inner: unknown = '_lightMyRequest' in response ? response._lightMyRequest : undefined
  const hasStream = typeof inner === 'object' && inner !== null && 'stream' in inner
  return hasStream ? 'as it comes' : 'as a whole'
}
