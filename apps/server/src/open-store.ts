import { setTimeout as sleep } from 'node:timers/promises'
import { createStorage, type EventStorage } from '@viewra/events-core'
import type { Config } from './config.ts'
import { startError } from './start-problem.ts'

const MIN_PAUSE_MS = 250
const MAX_PAUSE_MS = 4_000

/**
 * The store of the configuration, open. Waits for a server that is away, and says so in the log.
 * @throws StartError when it cannot be had
 */
export async function openStore(config: Config): Promise<EventStorage> {
  try {
    const storage = await storageOf(config)
    await openWhenThere(storage, config)
    return storage
  } catch (error) {
    throw startError(error, config)
  }
}

async function storageOf({ database: { url }, listenUrl }: Config): Promise<EventStorage> {
  if (listenUrl === undefined) return await createStorage(url)
  const { postgresStorage } = await import('@viewra/events-core/postgres')
  return postgresStorage({ url, listenUrl })
}

async function openWhenThere(storage: EventStorage, config: Config): Promise<void> {
  const endMs = performance.now() + config.databaseWaitMs
  for (let pauseMs = MIN_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
    try {
      return await storage.open()
    } catch (error) {
      const leftMs = endMs - performance.now()
      if (leftMs <= 0 || !(await isAway(storage, error))) throw error
      await logWait(config, error, leftMs)
      await sleep(Math.min(pauseMs, leftMs))
    }
  }
}

/** A driver is loaded only where its database is used. */
async function isAway(storage: EventStorage, error: unknown): Promise<boolean> {
  if (storage.name !== 'postgres') return false
  const { isServerAway } = await import('@viewra/events-core/postgres')
  return isServerAway(error)
}

/** The server with its logger comes to be only when there is a store; hardly any start needs this one. */
async function logWait({ logLevel }: Config, error: unknown, leftMs: number): Promise<void> {
  const { pino } = await import('pino')
  const log = pino({ level: logLevel }, process.stderr)
  log.warn({ err: error, secondsLeft: Math.ceil(leftMs / 1_000) }, 'The database is unavailable; retrying')
}
