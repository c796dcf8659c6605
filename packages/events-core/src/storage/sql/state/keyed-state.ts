import type { Kysely } from 'kysely'
import type { KeyedState, StateSize } from '../../contract/keyed-state.ts'
import type { PartitionKey } from '../../contract/subscriptions.ts'
import type { LogTables } from '../schema.ts'
import type { SqlLog } from '../sql-log.ts'

const COLUMNS = ['key', 'value', 'due as dueMs', 'touched'] as const

export async function readStates(
  { db, dialect }: SqlLog,
  partition: PartitionKey,
  keys: readonly string[],
): Promise<readonly KeyedState[]> {
  if (keys.length === 0) return []
  return await statesOf(db, partition).select(COLUMNS).where(dialect.isOneOf('key', keys)).execute()
}

/** Returns the states whose timers are due, ordered by due time, then key. */
export async function dueStates(
  { db }: SqlLog,
  partition: PartitionKey,
  untilMs: number,
  limit: number,
): Promise<readonly KeyedState[]> {
  return await statesOf(db, partition)
    .select(COLUMNS)
    .where('due', '<=', untilMs)
    .orderBy('due')
    .orderBy('key')
    .limit(limit)
    .execute()
}

/** Returns the log time at which the next timer is due; undefined without a timer. */
export async function nextDue({ db }: SqlLog, partition: PartitionKey): Promise<number | undefined> {
  const next = await statesOf(db, partition)
    .select('due')
    .where('due', 'is not', null)
    .orderBy('due')
    .limit(1)
    .executeTakeFirst()
  return next?.due ?? undefined
}

/** Returns the states that were changed longest ago. */
export async function oldestStates(
  { db }: SqlLog,
  partition: PartitionKey,
  limit: number,
): Promise<readonly KeyedState[]> {
  return await statesOf(db, partition)
    .select(COLUMNS)
    .orderBy('touched')
    .orderBy('key')
    .limit(limit)
    .execute()
}

export async function stateSize({ db }: SqlLog, { name, partition }: PartitionKey): Promise<StateSize> {
  const size = await db
    .selectFrom('subscription_partitions')
    .select(['state_keys as keys', 'state_bytes as bytes'])
    .where((eb) => eb.and({ name, partition }))
    .executeTakeFirst()
  return size ?? { keys: 0, bytes: 0 }
}

function statesOf(db: Kysely<LogTables>, { name, partition }: PartitionKey) {
  return db.selectFrom('subscription_states').where('id', '=', (query) =>
    query
      .selectFrom('subscription_partitions')
      .select('state_id')
      .where((eb) => eb.and({ name, partition })),
  )
}
