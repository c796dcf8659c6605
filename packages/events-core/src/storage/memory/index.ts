import { checkOptions, func, integer } from '../../check-options.ts'
import type { EventStorage } from '../contract/storage.ts'
import { MemoryStorage } from './storage.ts'

export interface MemoryStorageOptions {
  /** Events that are kept: when one more comes, the oldest goes. 10,000 by default. */
  readonly capacity?: number
  /** The time, in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
}

/**
 * A store in the memory of the process, bounded: for tests, and for services that need no history. It forgets its
 * events with the process; a store that is closed and opened again still has them.
 * @throws EventsError EVENTS_INVALID for an unknown option or a wrong value
 * @example
 * const bus = createEventBus({ storage: memoryStorage({ capacity: 1_000 }) })
 */
export function memoryStorage(options: MemoryStorageOptions = {}): EventStorage {
  checkOptions('memoryStorage options', options, { capacity: integer(1), now: func })
  return new MemoryStorage(options.capacity ?? 10_000, options.now ?? Date.now)
}
