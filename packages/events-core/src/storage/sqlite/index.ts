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
  /** The path of the file; the file and its directory are created if they do not exist. */
  readonly path: string
  /**
   * Whether an append waits for the disk: with 'full', the default, an acknowledged event survives a crash of the machine;
   * with 'normal' only a crash of the process.
   */
  readonly synchronous?: 'full' | 'normal'
  /** The time to wait while another process writes, before EVENTS_STORAGE_LOCKED; 2,000 by default. */
  readonly busyTimeoutMs?: number
  /** The maximum size of the file, without its log of at most 64 MiB, before EVENTS_STORAGE_FULL; unlimited by default. */
  readonly maxBytes?: number
  /** Returns the time in milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number
  /**
   * The program of the store's threads, for a bundle that does not have it beside itself: the file: URL of the bundler's
   * output for `@viewra/events-core/sqlite-worker`. docs/bundling.md has an example for each bundler.
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
 * Creates a store in one SQLite file, for one process or a few on one machine. Needs the package `better-sqlite3`.
 * @throws EventsError EVENTS_INVALID that names each invalid option; EVENTS_STORAGE_FAILED on a Node older than 22.18, on
 *   which the driver would crash the process
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

/** On an older Node the driver's native part does not fail, it crashes the process. */
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
