import { checkOptions, func, integer } from '../../check-options.ts'
import type { EventStorage } from '../contract/storage.ts'
import { MemoryStorage } from './storage.ts'

export interface MemoryStorageOptions {
  /** The maximum number of events; beyond it, each new event replaces the oldest. 10,000 by default. */
  readonly capacity?: number
  /** Returns the time in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
}

/**
 * Creates a bounded store in the memory of the process: for tests, and for services that need no history. Its events are
 * lost when the process ends; a store that is closed and opened again still has them.
 * @throws EventsError EVENTS_INVALID for an unknown option or an invalid value
 * @example
 * const bus = createEventBus({ storage: memoryStorage({ capacity: 1_000 }) })
 */
export function memoryStorage(options: MemoryStorageOptions = {}): EventStorage {
  checkOptions('memoryStorage options', options, { capacity: integer(1), now: func })
  return new MemoryStorage(options.capacity ?? 10_000, options.now ?? Date.now)
}
