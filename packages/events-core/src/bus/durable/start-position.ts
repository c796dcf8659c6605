import { checkOptions, integer } from '../../check-options.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'
import type { StartPosition } from '../api.ts'

/**
 * Returns the position after which a durable subscription starts or continues.
 * @param option the option that named the start, for messages
 * @throws EventsError EVENTS_INVALID if it is beyond the end of the log; EVENTS_STORAGE_*
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

/** Returns the position before the first kept event, so that events removed by retention do not count as missed. */
async function beforeFirst(storage: EventStorage, keptFrom: number): Promise<number> {
  if (keptFrom === 1) return 0
  // If the clock was set back, events below `keptFrom` may have survived a removal by age.
  const { events } = await storage.list({ order: 'asc', limit: 1, count: 'none' })
  return Math.min(keptFrom, events[0]?.position ?? keptFrom) - 1
}
