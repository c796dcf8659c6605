import { EventsError, invalid } from '../errors.ts'
import type { EventStorage } from './contract/storage.ts'
import { memoryStorage } from './memory/index.ts'
import { isMissingPackage } from './missing-package.ts'

export interface CreateStorageOptions {
  /** Returns the time in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
}

const TAKES = 'memory:, sqlite:<path of the file>, or postgres://user:password@host:5432/database'

/**
 * Creates the store that a URL names, without opening it: `memory:`, `sqlite:./data/events.db` or
 * `postgres://user@host/database`. Meant for programs that read the URL from their configuration; the adapters' own
 * functions have more options. Loads the adapter and its driver.
 * @throws EventsError EVENTS_INVALID for any other URL; EVENTS_STORAGE_FAILED if the driver is not installed
 * @example
 * const bus = createEventBus({ storage: await createStorage('sqlite:./data/events.db') })
 */
export async function createStorage(url: string, options: CreateStorageOptions = {}): Promise<EventStorage> {
  const [, scheme, rest] = /^([a-z]+):(.*)$/s.exec(url) ?? []
  if (scheme === 'memory' && rest === '') return memoryStorage(options)
  if (scheme === 'sqlite' && rest) return await createSqlite(rest, options)
  if (scheme === 'postgres' || scheme === 'postgresql') return await createPostgres(url, options)
  // Does not show the URL, which may contain a password.
  const message = `must be ${TAKES}${scheme === undefined ? '' : `, not a URL that begins with ${scheme}:`}`
  throw invalid('storage', [{ path: 'url', message }])
}

async function createSqlite(path: string, options: CreateStorageOptions): Promise<EventStorage> {
  // Its threads load the driver, and `open` reports a missing one.
  const { sqliteStorage } = await import('./sqlite/index.ts')
  return sqliteStorage({ ...options, path })
}

/**
 * Imported by names that bundlers cannot follow: they would otherwise include the adapter in every bundle, which then would
 * not start without the driver. Bundles that need PostgreSQL import the adapter's own entry.
 */
const POSTGRES = { driver: 'pg', adapter: '@viewra/events-core/postgres' } as const

async function createPostgres(url: string, options: CreateStorageOptions): Promise<EventStorage> {
  await load(POSTGRES.driver, 'events in PostgreSQL need a package that is not installed: npm install pg')
  const adapter: typeof import('./postgres/index.ts') = await load(
    POSTGRES.adapter,
    `this bundle has no ${POSTGRES.adapter}: import postgresStorage from there and call it instead of createStorage`,
  )
  return adapter.postgresStorage({ ...options, url })
}

async function load(name: string, missing: string) {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ name)
  } catch (cause) {
    if (!isMissingPackage(cause)) throw cause
    throw new EventsError('EVENTS_STORAGE_FAILED', missing, { cause })
  }
}
