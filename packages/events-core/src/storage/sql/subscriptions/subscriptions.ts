import { randomInt } from 'node:crypto'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { EventsError } from '../../../errors.ts'
import { formatTimestamp } from '../../../event/timestamp.ts'
import type { PartitionState, PositionRange } from '../../contract/subscriptions.ts'
import type { LogTables } from '../schema.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'
import { abandonStates } from '../state/abandoned.ts'

/** The columns of a new partition. */
const NEW = { missed_from: null, missed_to: null, state_keys: 0, state_bytes: 0 } as const

/** The name of a partition's lease, as `partitionLease` returns it. */
const LEASE_NAME: RawBuilder<string> = sql`('subscription:' || name || ':' || cast("partition" as text))`

/**
 * Creates a subscription; returns false if one of that name exists. Its partition 0 decides, which every subscription has.
 */
export function createSubscription(
  call: SqlCall,
  name: string,
  partitions: number,
  position: number,
): Promise<boolean> {
  const stateId = newStateId()
  const common = { name, partitions, position, paused: 0, created: call.nowMs, saved: call.nowMs, ...NEW }
  const rows = Array.from({ length: partitions }, (_, partition) => ({
    ...common,
    partition,
    state_id: stateId + partition,
  }))
  return call.aside(async (transaction) => {
    const { numInsertedOrUpdatedRows } = await transaction
      .insertInto('subscription_partitions')
      .values(rows.slice(0, 1))
      .onConflict((conflict) => conflict.columns(['name', 'partition']).doNothing())
      .executeTakeFirstOrThrow()
    if (numInsertedOrUpdatedRows !== 1n) return false
    if (rows.length > 1)
      await transaction.insertInto('subscription_partitions').values(rows.slice(1)).execute()
    return true
  })
}

/** Returns all partitions, or those of one subscription, by name and number, with the holders of their leases. */
export async function listPartitions({ db }: SqlLog, name?: string): Promise<readonly PartitionState[]> {
  const all = db
    .selectFrom('subscription_partitions')
    .select(['name', 'partition', 'partitions', 'position', 'paused', 'created', 'saved'])
    .select(['missed_from', 'missed_to'])
    .select(LEASE_NAME.as('lease'))
  const chosen = name === undefined ? all : all.where('name', '=', name)
  const rows = await db
    .selectFrom(chosen.as('chosen'))
    .leftJoin('leases', 'leases.name', 'chosen.lease')
    .selectAll('chosen')
    .select(['leases.owner', 'leases.claim'])
    .orderBy('chosen.name')
    .orderBy('chosen.partition')
    .execute()
  return rows.map(({ lease, paused, missed_from, missed_to, created, saved, ...row }) => ({
    ...row,
    paused: paused !== 0,
    missed: rangeOf(missed_from, missed_to),
    created: formatTimestamp(created),
    saved: formatTimestamp(saved),
  }))
}

/** Like the following functions, returns false if there is no such subscription. */
export async function setPaused({ db }: SqlLog, name: string, paused: boolean): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('subscription_partitions')
    .set({ paused: paused ? 1 : 0 })
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

/** Sets all partitions to a position, revokes their leases and abandons their keyed states. */
export function resetSubscription(log: SqlLog, name: string, position: number): Promise<boolean> {
  return log.aside(async (transaction) => {
    await revokeLeases(transaction, name)
    await abandonStates(transaction, name)
    const { numUpdatedRows } = await transaction
      .updateTable('subscription_partitions')
      .set({ ...NEW, position, state_id: sql`cast(${newStateId()} as bigint) + "partition"` })
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    return numUpdatedRows > 0n
  })
}

/** @throws EventsError EVENTS_CONFLICT if `to` is another subscription */
export function renameSubscription(log: SqlLog, name: string, to: string): Promise<boolean> {
  return log.aside(async (transaction) => {
    await revokeLeases(transaction, name)
    if (name !== to) await makeRoom(transaction, to)
    const { numUpdatedRows } = await transaction
      .updateTable('subscription_partitions')
      .set({ name: to })
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 0n) return false
    await transaction
      .updateTable('dead_letters')
      .set({ subscription: to })
      .where('subscription', '=', name)
      .execute()
    // Revokes leases of the new name that were acquired before the subscription existed.
    await revokeLeases(transaction, to)
    return true
  })
}

export function deleteSubscription(log: SqlLog, name: string): Promise<boolean> {
  return log.aside(async (transaction) => {
    await revokeLeases(transaction, name)
    await abandonStates(transaction, name)
    const { numDeletedRows } = await transaction
      .deleteFrom('subscription_partitions')
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    if (numDeletedRows === 0n) return false
    await transaction.deleteFrom('dead_letters').where('subscription', '=', name).execute()
    return true
  })
}

/** Revokes leases from their holders and removes their claims: earlier tokens become invalid. */
async function revokeLeases(db: Kysely<LogTables>, name: string): Promise<void> {
  await db
    .deleteFrom('leases')
    .where('name', 'in', (query) =>
      query.selectFrom('subscription_partitions').select(LEASE_NAME.as('lease')).where('name', '=', name),
    )
    .execute()
}

/** Removes the dead letters of an earlier subscription of this name, which must not go to a new one. */
async function makeRoom(db: Kysely<LogTables>, name: string): Promise<void> {
  if (await exists(db, name)) {
    throw new EventsError('EVENTS_CONFLICT', `A durable subscription '${name}' already exists`)
  }
  await db.deleteFrom('dead_letters').where('subscription', '=', name).execute()
}

async function exists(db: Kysely<LogTables>, name: string): Promise<boolean> {
  const query = db.selectFrom('subscription_partitions').select('name').where('name', '=', name).limit(1)
  return (await query.executeTakeFirst()) !== undefined
}

function rangeOf(from: number | null, to: number | null): PositionRange | null {
  return from === null || to === null ? null : { from, to }
}

/**
 * Returns a new id for a subscription's keyed states, so that they are apart from those of an earlier one that are still to
 * be deleted.
 */
function newStateId(): number {
  return randomInt(2 ** 47)
}
