import { resolve } from 'node:path'
import {
  checkOptions,
  func,
  integer,
  type OptionRule,
  object,
  oneOf,
  shown,
  text,
} from '../../check-options.ts'
import { EventsError, invalid } from '../../errors.ts'
import type { EventStorage } from '../contract/storage.ts'
import { SqlStorage } from '../sql/storage.ts'
import { SqliteRunner } from './runner.ts'

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
  /**
   * The program of the store's threads, for a bundle that does not keep it beside itself: a file: URL of what the bundler
   * has made of `@viewra/events-core/sqlite-worker`. docs/bundling.md has an example for each bundler.
   */
  readonly workerUrl?: URL
}

const RULES: Readonly<Record<keyof SqliteStorageOptions, OptionRule>> = {
  path: pathProblem,
  synchronous: oneOf('full', 'normal'),
  busyTimeoutMs: integer(0, 60_000),
  maxBytes: integer(1024 * 1024),
  now: func,
  workerUrl: workerUrlProblem,
}

/**
 * Events in one SQLite file, for one process or a few on one machine. Needs the package `better-sqlite3`.
 * @throws EventsError EVENTS_INVALID that names each wrong option; EVENTS_STORAGE_FAILED when Node is older than 22, on
 *   which the driver would end the process
 * @example
 * const bus = createEventBus({ storage: sqliteStorage({ path: './data/events.db' }) })
 */
export function sqliteStorage(options: SqliteStorageOptions): EventStorage {
  refuseOldNode()
  const problem = object(options)
  if (problem !== undefined) throw invalid('sqliteStorage', [{ path: 'options', message: problem }])
  checkOptions('sqliteStorage', { ...options, path: options.path ?? null }, RULES)
  const { path, synchronous = 'full', busyTimeoutMs = 2_000, maxBytes, now = Date.now, workerUrl } = options
  const settings = {
    path: resolve(path),
    synchronous,
    busyTimeoutMs,
    ...(maxBytes !== undefined && { maxBytes }),
  }
  return new SqlStorage({
    name: 'sqlite',
    place: settings.path,
    now,
    start: () => SqliteRunner.start(settings, workerUrl),
  })
}

/** The driver's native part needs what Node 22 has; where that is missing it does not fail, it crashes. */
function refuseOldNode(): void {
  const version = process.versions.node
  if (Number.parseInt(version, 10) >= 22) return
  throw new EventsError(
    'EVENTS_STORAGE_FAILED',
    `events in SQLite need Node 22.18 or newer, and this is Node ${version}: start the program with a newer one`,
  )
}

function workerUrlProblem(value: unknown): string | undefined {
  return value instanceof URL && value.protocol === 'file:'
    ? undefined
    : `must be a file: URL, not ${shown(value)}`
}

function pathProblem(value: unknown): string | undefined {
  if (value === ':memory:') return "must be a file's path: memoryStorage keeps events in memory"
  if (typeof value === 'string' && /^file:/i.test(value)) return 'must be a path, not a URI'
  if (typeof value === 'string' && (value.includes('\0') || value.trimEnd() !== value)) {
    return 'must not end in white space or contain NUL'
  }
  return text(4096)(value)
}
