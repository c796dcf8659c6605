import { resolve } from 'node:path'
import { checkOptions, func, integer, type OptionRule, object, oneOf, text } from '../../check-options.ts'
import { invalid } from '../../errors.ts'
import type { EventStorage } from '../storage.ts'
import { SqliteStorage } from './sqlite-storage.ts'

export interface SqliteStorageOptions {
  /** Where the file is; it and its directory are created when they are not there. */
  readonly path: string
  /**
   * What an acknowledged event survives: with 'full', the default, a crash of the machine too; with 'normal' a crash
   * of the process only, since nobody waits for the disk.
   */
  readonly synchronous?: 'full' | 'normal'
  /** How long to wait for another process that is writing; 2,000 by default. Then: EVENTS_STORAGE_LOCKED. */
  readonly busyTimeoutMs?: number
  /** How large the file may get, beside its log of at most 64 MiB; no limit by default. Then: EVENTS_STORAGE_FULL. */
  readonly maxBytes?: number
  /** The time, in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
}

const RULES: Readonly<Record<keyof SqliteStorageOptions, OptionRule>> = {
  path: pathProblem,
  synchronous: oneOf('full', 'normal'),
  busyTimeoutMs: integer(0, 60_000),
  maxBytes: integer(1024 * 1024),
  now: func,
}

/**
 * Events in one SQLite file, for one process or a few on one machine. Needs the package `better-sqlite3`.
 * @throws EventsError EVENTS_INVALID that names each wrong option
 * @example
 * const bus = createEventBus({ storage: sqliteStorage({ path: './data/events.db' }) })
 */
export function sqliteStorage(options: SqliteStorageOptions): EventStorage {
  const problem = object(options)
  if (problem !== undefined) throw invalid('sqliteStorage', [{ path: 'options', message: problem }])
  checkOptions('sqliteStorage', { ...options, path: options.path ?? null }, RULES)
  const { path, synchronous = 'full', busyTimeoutMs = 2_000, maxBytes, now = Date.now } = options
  const settings = {
    path: resolve(path),
    synchronous,
    busyTimeoutMs,
    ...(maxBytes !== undefined && { maxBytes }),
  }
  return new SqliteStorage(settings, now)
}

function pathProblem(value: unknown): string | undefined {
  if (value === ':memory:') return "must be a file's path: memoryStorage keeps events in memory"
  if (typeof value === 'string' && /^file:/i.test(value)) return 'must be a path, not a URI'
  if (typeof value === 'string' && (value.includes('\0') || value.trimEnd() !== value)) {
    return 'must not end in white space or contain NUL'
  }
  return text(4096)(value)
}
