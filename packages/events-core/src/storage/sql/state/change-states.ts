import type { Kysely } from 'kysely'
import type { StateChanges } from '../../contract/commit.ts'
import type { KeyedState, StateSize } from '../../contract/keyed-state.ts'
import type { LogTables } from '../schema.ts'
import type { SqlDialect, SqlLog } from '../sql-log.ts'
import type { StateRow } from './tables.ts'

/** Changes a partition's states and its size. Returns false if the partition no longer exists. */
export async function changeStates(
  { db, dialect }: Pick<SqlLog, 'db' | 'dialect'>,
  { name, partition, put, delete: deleted }: StateChanges,
): Promise<boolean> {
  const found = await db
    .selectFrom('subscription_partitions')
    .select('state_id as id')
    .where((eb) => eb.and({ name, partition }))
    .executeTakeFirst()
  if (found === undefined) return false
  const { id } = found
  const rows = put.map((state) => rowOf(id, state))
  const before = await sizeOf(db, dialect, id, [...deleted, ...put.map(({ key }) => key)])
  await deleteStates(db, dialect, id, deleted)
  if (rows.length > 0) await dialect.putStates(db, rows)
  await db
    .updateTable('subscription_partitions')
    .set((eb) => ({
      state_keys: eb('state_keys', '+', rows.length - before.keys),
      state_bytes: eb('state_bytes', '+', rows.reduce((sum, { bytes }) => sum + bytes, 0) - before.bytes),
    }))
    .where((eb) => eb.and({ name, partition }))
    .execute()
  return true
}

function rowOf(id: number, { key, value, dueMs, touched }: KeyedState): StateRow {
  const bytes = Buffer.byteLength(key) + Buffer.byteLength(value ?? '')
  return { id, key, value, due: dueMs, touched, bytes }
}

/** Returns the number and size of the existing states of some keys. */
async function sizeOf(
  db: Kysely<LogTables>,
  dialect: SqlDialect,
  id: number,
  keys: readonly string[],
): Promise<StateSize> {
  if (keys.length === 0) return { keys: 0, bytes: 0 }
  const { count, bytes } = await db
    .selectFrom('subscription_states')
    .select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.sum<number | null>('bytes').as('bytes')])
    .where('id', '=', id)
    .where(dialect.isOneOf('key', keys))
    .executeTakeFirstOrThrow()
  return { keys: count, bytes: bytes ?? 0 }
}

async function deleteStates(
  db: Kysely<LogTables>,
  dialect: SqlDialect,
  id: number,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return
  await db
    .deleteFrom('subscription_states')
    .where('id', '=', id)
    .where(dialect.isOneOf('key', keys))
    .execute()
}
