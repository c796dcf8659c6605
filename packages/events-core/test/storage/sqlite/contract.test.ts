import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { sqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { type StorageFactory, storageContract } from '../../../src/testing/index.ts'

const directories = new Map<EventStorage, string>()

const factory: StorageFactory = {
  create: ({ now }) => {
    const directory = mkdtempSync(join(tmpdir(), 'viewra-events-'))
    return storeIn(directory, now)
  },
  reopen: (storage, { now }) => storeIn(directoryOf(storage), now),
  destroy: (storage) => rmSync(directoryOf(storage), { recursive: true }),
}

storageContract('SQLite', factory)

function storeIn(directory: string, now: () => number): EventStorage {
  const storage = sqliteStorage({ path: join(directory, 'events.db'), now })
  directories.set(storage, directory)
  return storage
}

function directoryOf(storage: EventStorage): string {
  const directory = directories.get(storage)
  if (directory === undefined) throw new Error('this store is not of this test')
  return directory
}
