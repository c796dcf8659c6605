import { createStorage, type EventStorage } from '@viewra/events-core'
import type { Config } from './config.ts'
import { startError } from './start-problem.ts'

/**
 * The store of the configuration, open.
 * @throws StartError when it cannot be had
 */
export async function openStore(config: Config): Promise<EventStorage> {
  try {
    const storage = await createStorage(config.database.url)
    await storage.open()
    return storage
  } catch (error) {
    throw startError(error, config)
  }
}
