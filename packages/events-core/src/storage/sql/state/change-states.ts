import type { StateChanges } from '../../contract/commit.ts'
import type { KeyedState } from '../../contract/keyed-state.ts'
import type { PartitionKey } from '../../contract/subscriptions.ts'
import type { SqlLog } from '../sql-log.ts'
import type { StateRow } from './tables.ts'

type Log = Pick<SqlLog, 'db' | 'dialect'>

/** Returns the id of a partition's states; undefined if the partition no longer exists. */
export async function stateIdOf({ db }: Log, { name, partition }: PartitionKey): Promise<number | undefined> {
  const found = await db
    .selectFrom('subscription_partitions')
    .select('state_id as id')
    .where((eb) => eb.and({ name, partition }))
    .executeTakeFirst()
  return found?.id
}

/** Changes a partition's states and its size. @param id of its states */
export async function changeStates(
  { db, dialect }: Log,
  { name, partition, put, delete: deleted }: StateChanges,
  id: number,
): Promise<void> {
  const rows = put.map((state) => rowOf(id, state))
  const before = await takeStates({ db, dialect }, id, [...deleted, ...put.map(({ key }) => key)])
  if (rows.length > 0) await dialect.putStates(db, rows)
  await db
    .updateTable('subscription_partitions')
    .set((eb) => ({
      state_keys: eb('state_keys', '+', rows.length - before.length),
      state_bytes: eb('state_bytes', '+', bytesOf(rows) - bytesOf(before)),
    }))
    .where((eb) => eb.and({ name, partition }))
    .execute()
}

function rowOf(id: number, { key, value, dueMs, touched }: KeyedState): StateRow {
  const bytes = Buffer.byteLength(key) + Buffer.byteLength(value ?? '')
  return { id, key, value, due: dueMs, touched, bytes }
}

/** Deletes the existing states of some keys, including those that are replaced, and returns their sizes, in one statement. */
async function takeStates(
  { db, dialect }: Log,
  id: number,
  keys: readonly string[],
): Promise<readonly Pick<StateRow, 'bytes'>[]> {
  if (keys.length === 0) return []
  return await db
    .deleteFrom('subscription_states')
    .where('id', '=', id)
    .where(dialect.isOneOf('key', keys))
    .returning('bytes')
    .execute()
}

function bytesOf(rows: readonly Pick<StateRow, 'bytes'>[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes, 0)
}
