import { randomInt } from 'node:crypto'
import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import { EventsError } from '../../../errors.ts'
import { formatTimestamp } from '../../../event/timestamp.ts'
import type {
  HeldLease,
  Lease,
  LeaseAnswer,
  LeaseSign,
  PartitionKey,
  PartitionState,
  PositionRange,
  Progress,
} from '../../contract/subscriptions.ts'
import type { LogTables } from '../schema.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'

type Partitions = ExpressionBuilder<LogTables, 'subscription_partitions'>

const LEASE_COLUMNS = ['token', 'position', 'paused', 'claim'] as const

/** What a change does to leases: a new token fences the holder, and without an owner the next one need not wait. */
const leasesTaken = (eb: Partitions) => ({ token: eb('token', '+', 1), owner: null, claim: null })

/** Makes a subscription; false when there is one of that name. */
export function createSubscription(
  call: SqlCall,
  name: string,
  partitions: number,
  position: number,
): Promise<boolean> {
  const row = {
    name,
    partitions,
    position,
    paused: 0,
    // Not from the start again: the holder of a subscription of this name that was deleted still has its token.
    token: randomInt(2 ** 47),
    beat: 0,
    owner: null,
    claim: null,
    missed_from: null,
    missed_to: null,
    created: call.nowMs,
    saved: call.nowMs,
  }
  return call.transaction(async (transaction) => {
    if (await exists(transaction, name)) return false
    const rows = Array.from({ length: partitions }, (_, partition) => ({ ...row, partition }))
    await transaction.insertInto('subscription_partitions').values(rows).execute()
    return true
  })
}

/** All partitions, or those of one subscription, by name and number. */
export async function listPartitions({ db }: SqlLog, name?: string): Promise<readonly PartitionState[]> {
  const all = db
    .selectFrom('subscription_partitions')
    .select(['name', 'partition', 'partitions', 'position', 'paused', 'owner', 'created', 'saved'])
    .select(['claim', 'missed_from', 'missed_to'])
    .orderBy('name')
    .orderBy('partition')
  const rows = await (name === undefined ? all : all.where('name', '=', name)).execute()
  return rows.map(({ paused, missed_from, missed_to, created, saved, ...row }) => ({
    ...row,
    paused: paused !== 0,
    missed: rangeOf(missed_from, missed_to),
    created: formatTimestamp(created),
    saved: formatTimestamp(saved),
  }))
}

/**
 * Takes the lease if it is free and nobody else's to take, or stands still at the sign that the caller saw.
 * @throws EventsError EVENTS_NOT_FOUND
 */
export async function acquireLease(
  { db }: SqlLog,
  key: PartitionKey,
  owner: string,
  stale?: LeaseSign,
): Promise<LeaseAnswer> {
  const lease = await db
    .updateTable('subscription_partitions')
    .set((eb) => ({ token: eb('token', '+', 1), beat: eb('beat', '+', 1), owner, claim: null }))
    .where((eb) => eb.and({ ...key }))
    .where((eb) => {
      const isOurs = eb.or([eb('claim', 'is', null), eb('claim', '=', owner)])
      const isFree = eb.and([eb('owner', 'is', null), isOurs])
      return stale ? eb.or([isFree, eb.and({ ...stale })]) : isFree
    })
    .returning(LEASE_COLUMNS)
    .executeTakeFirst()
  return lease
    ? { acquired: true, lease: leaseOf(lease) }
    : { acquired: false, sign: await readSign(db, key) }
}

/** Shows that the holder is alive, and saves its progress. Undefined when the lease is lost. */
export async function renewLease(
  { db, nowMs }: SqlCall,
  key: PartitionKey,
  token: number,
  { position = 0, missed }: Progress = {},
): Promise<Lease | undefined> {
  const lease = await db
    .updateTable('subscription_partitions')
    .set((eb) => ({
      beat: eb('beat', '+', 1),
      position: sql<number>`case when ${position} > position then ${position} else position end`,
      saved: sql<number>`case when ${position} > position then ${nowMs} else saved end`,
      ...(missed && { missed_from: missed.from, missed_to: missed.to }),
    }))
    .where((eb) => eb.and({ ...key, token }))
    .returning(LEASE_COLUMNS)
    .executeTakeFirst()
  return lease && leaseOf(lease)
}

/** Asks the owner to give the lease up to the claimant; false when that is not the owner, or somebody has asked. */
export async function claimLease(
  { db }: SqlLog,
  key: PartitionKey,
  owner: string,
  claimant: string,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('subscription_partitions')
    .set({ claim: claimant })
    .where((eb) => eb.and({ ...key, owner }))
    .where('claim', 'is', null)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

/** Whether a lease is still held. In a transaction that changes the log: until its end nobody takes the lease away. */
export async function holdsLease(db: Kysely<LogTables>, lease: HeldLease): Promise<boolean> {
  const { name, partition, token } = lease
  const query = db.selectFrom('subscription_partitions').select('token')
  const held = query.where((eb) => eb.and({ name, partition, token }))
  return (await held.executeTakeFirst()) !== undefined
}

export async function releaseLease({ db }: SqlLog, key: PartitionKey, token: number): Promise<void> {
  await db
    .updateTable('subscription_partitions')
    .set({ owner: null })
    .where((eb) => eb.and({ ...key, token }))
    .execute()
}

/** Answers whether there is such a subscription; so do the following. */
export async function setPaused({ db }: SqlLog, name: string, paused: boolean): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('subscription_partitions')
    .set({ paused: paused ? 1 : 0 })
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

export async function resetSubscription({ db }: SqlLog, name: string, position: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('subscription_partitions')
    .set((eb) => ({ ...leasesTaken(eb), position, missed_from: null, missed_to: null }))
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

/** @throws EventsError EVENTS_CONFLICT when `to` is another subscription */
export function renameSubscription(log: SqlLog, name: string, to: string): Promise<boolean> {
  return log.transaction(async (transaction) => {
    if (name !== to) await makeRoom(transaction, to)
    const { numUpdatedRows } = await transaction
      .updateTable('subscription_partitions')
      .set((eb) => ({ ...leasesTaken(eb), name: to }))
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 0n) return false
    await transaction
      .updateTable('dead_letters')
      .set({ subscription: to })
      .where('subscription', '=', name)
      .execute()
    return true
  })
}

export function deleteSubscription(log: SqlLog, name: string): Promise<boolean> {
  return log.transaction(async (transaction) => {
    const { numDeletedRows } = await transaction
      .deleteFrom('subscription_partitions')
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    if (numDeletedRows === 0n) return false
    await transaction.deleteFrom('dead_letters').where('subscription', '=', name).execute()
    return true
  })
}

async function readSign(db: Kysely<LogTables>, key: PartitionKey): Promise<LeaseSign> {
  const sign = await db
    .selectFrom('subscription_partitions')
    .select(['token', 'beat'])
    .where((eb) => eb.and({ ...key }))
    .executeTakeFirst()
  if (sign !== undefined) return sign
  throw new EventsError(
    'EVENTS_NOT_FOUND',
    `There is no durable subscription '${key.name}' with a partition ${key.partition}`,
  )
}

/** What a subscription that is gone left under the name must not come to another. */
async function makeRoom(db: Kysely<LogTables>, name: string): Promise<void> {
  if (await exists(db, name)) {
    throw new EventsError('EVENTS_CONFLICT', `There is a durable subscription '${name}' already`)
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

type LeaseRow = Pick<LogTables['subscription_partitions'], (typeof LEASE_COLUMNS)[number]>

function leaseOf({ token, position, paused, claim }: LeaseRow): Lease {
  return { token, position, paused: paused !== 0, claimed: claim !== null }
}
