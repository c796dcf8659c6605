import type { TransactionSettings } from 'kysely'

/** Below the default timeout of `publish`, so that its caller learns what held up the event. */
const LOCK_TIMEOUT_MS = 3_000

/** Below the time for which others wait for a lock, so that they get it from a process that froze with it. */
const IDLE_TIMEOUT_MS = 2_000

/** The time limits of a store's transactions. */
export interface TimeLimits {
  readonly statementMs: number
  /** Shorter than the limit of a statement, so that the server distinguishes a wait for a lock from a slow statement. */
  readonly lockMs: number
  /** Between two statements of a transaction: a process that freezes there must not block the others. */
  readonly idleMs: number
}

export function timeLimits(statementTimeoutMs: number): TimeLimits {
  return {
    statementMs: statementTimeoutMs,
    lockMs: Math.min(LOCK_TIMEOUT_MS, Math.ceil(statementTimeoutMs / 2)),
    idleMs: Math.min(IDLE_TIMEOUT_MS, statementTimeoutMs),
  }
}

/**
 * The settings on which the store's statements rely, and which a server, a database or a role may have set differently. The
 * planner's costs (`random_page_cost`, `work_mem`) are not among them, since they describe the machine.
 */
const SETTINGS = {
  // Compiling a statement takes up to a second, and saves less than the 50 ms that a statement of the store should take.
  jit: 'off',
  // A generic plan would ignore the size of a window of positions.
  plan_cache_mode: 'auto',
  // A search must not use the processors that other work needs.
  max_parallel_workers_per_gather: '0',
  // Windows of positions are read by index; `off` may be left over from an experiment.
  enable_indexscan: 'on',
  enable_indexonlyscan: 'on',
  enable_bitmapscan: 'on',
  enable_seqscan: 'on',
  enable_nestloop: 'on',
  enable_hashagg: 'on',
  enable_sort: 'on',
  // These change the results of a statement.
  transform_null_equals: 'off',
  array_nulls: 'on',
  gin_fuzzy_search_limit: '0',
  // Each statement names the schema of its tables; nothing may hide PostgreSQL's functions and operators.
  search_path: 'pg_catalog',
}

/**
 * Begins a transaction and sets its limits, its isolation level and the planner's settings. All of them end with the
 * transaction, because a pooler may give the next one another server connection, and this connection to another client.
 */
export function beginTransaction(
  { statementMs, lockMs, idleMs }: TimeLimits,
  { isolationLevel = 'read committed', accessMode = undefined }: TransactionSettings = {},
): string {
  const settings = {
    ...SETTINGS,
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    idle_in_transaction_session_timeout: idleMs,
  }
  const pinned = Object.entries(settings).map(([name, value]) => `set local ${name} = ${value}`)
  return [`begin isolation level ${isolationLevel} ${accessMode ?? ''}`, ...pinned].join(';')
}
