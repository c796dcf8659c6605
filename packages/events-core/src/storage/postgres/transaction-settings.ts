import type { TransactionSettings } from 'kysely'

/** Below the time that a publish waits by default, so that its caller is told what held the event up. */
const LOCK_TIMEOUT_MS = 3_000

/** How long the transactions of a store may take. */
export interface TimeLimits {
  readonly statementMs: number
  /** Shorter than a statement may take, so that the server tells a wait for a lock from a statement that is slow. */
  readonly lockMs: number
}

export function timeLimits(statementTimeoutMs: number): TimeLimits {
  return {
    statementMs: statementTimeoutMs,
    lockMs: Math.min(LOCK_TIMEOUT_MS, Math.ceil(statementTimeoutMs / 2)),
  }
}

/**
 * What our statements rely on, and a server, a database or a role may have set otherwise. Costs of the planner's
 * (`random_page_cost`, `work_mem`) are not among them: they tell of the machine.
 */
const SETTINGS = {
  // Compiling a statement takes up to a second, and what it saves is less than the 50 ms that one of ours should take.
  jit: 'off',
  // A plan for any values would ignore how large a window of positions is.
  plan_cache_mode: 'auto',
  // A search must not take the processors of the others.
  max_parallel_workers_per_gather: '0',
  // Windows of positions are read by index; `off` is said by people who tried something out.
  enable_indexscan: 'on',
  enable_indexonlyscan: 'on',
  enable_bitmapscan: 'on',
  enable_seqscan: 'on',
  enable_nestloop: 'on',
  enable_hashagg: 'on',
  enable_sort: 'on',
  // These change what a statement finds.
  transform_null_equals: 'off',
  array_nulls: 'on',
  gin_fuzzy_search_limit: '0',
  // Ours are in the schema that each statement names; nothing may stand in front of PostgreSQL's functions and operators.
  search_path: 'pg_catalog',
}

/**
 * Begins a transaction and pins its limits, its isolation level and the settings of the planner. All of it ends with the
 * transaction: a pooler may give the next one another server connection, and this one to somebody else.
 */
export function beginTransaction(
  { statementMs, lockMs }: TimeLimits,
  { isolationLevel = 'read committed', accessMode = undefined }: TransactionSettings = {},
): string {
  const settings = {
    ...SETTINGS,
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    // For a process that is frozen within a transaction: it must not hold up the others for ever.
    idle_in_transaction_session_timeout: statementMs,
  }
  const pinned = Object.entries(settings).map(([name, value]) => `set local ${name} = ${value}`)
  return [`begin isolation level ${isolationLevel} ${accessMode ?? ''}`, ...pinned].join(';')
}
