import { checkOptions, integer } from '../../check-options.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'
import type { StartPosition } from '../api.ts'

/**
 * The position after which a durable subscription is to go on.
 * @param option that the start was given by, for messages
 * @throws EventsError EVENTS_INVALID when it lies beyond the end of the log; EVENTS_STORAGE_*
 */
export async function startPosition(
  storage: EventStorage,
  start: StartPosition,
  option: { readonly of: string; readonly name: string },
): Promise<number> {
  const { position: head, keptFrom } = await storage.head()
  if (start === 'now') return head
  if (start === 'beginning') return await beforeFirst(storage, keptFrom)
  checkOptions(option.of, { [option.name]: start }, { [option.name]: integer(0, head) })
  return start
}

/** What retention has removed is no part of the beginning, so nobody misses it. */
async function beforeFirst(storage: EventStorage, keptFrom: number): Promise<number> {
  if (keptFrom === 1) return 0
  // Where the clock was set back, events below have outlasted a removal by age.
  const { events } = await storage.list({ order: 'asc', limit: 1, count: 'none' })
  return Math.min(keptFrom, events[0]?.position ?? keptFrom) - 1
}
