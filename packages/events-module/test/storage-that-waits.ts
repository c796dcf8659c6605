import { type AppendResult, type EventRecord, type EventStorage, memoryStorage } from '@viewra/events-core'

/** A memory store whose writes wait for `release`. */
export function storageThatWaits(): { storage: EventStorage; release: () => void; stuck: Promise<void> } {
  const storage = memoryStorage()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: stuck, resolve: nowStuck } = Promise.withResolvers<void>()
  const append = storage.append.bind(storage)
  storage.append = async (records: readonly EventRecord[]): Promise<AppendResult> => {
    nowStuck()
    await released
    return append(records)
  }
  return { storage, release, stuck }
}
