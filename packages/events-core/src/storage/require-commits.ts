import { EventsError } from '../errors.ts'
import type { EventStorageNext } from './contract/next.ts'
import type { EventStorage } from './contract/storage.ts'

/** @throws EventsError EVENTS_INVALID when the store has no documents, leases and commits */
export function requireCommits(storage: EventStorage, feature: string): EventStorageNext {
  if (hasCommits(storage)) return storage
  throw new EventsError(
    'EVENTS_INVALID',
    `${feature} need a store with commits, which '${storage.name}' has not`,
  )
}

function hasCommits(storage: EventStorage): storage is EventStorageNext {
  return 'commit' in storage && 'leases' in storage && 'documents' in storage
}
