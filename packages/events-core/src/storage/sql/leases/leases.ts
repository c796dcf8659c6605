import { randomInt } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { HeldLease, Lease, LeaseAnswer, LeaseSign, LeaseState } from '../../contract/leases.ts'
import type { LogTables } from '../schema.ts'
import { startsWith } from '../search/prefix.ts'
import type { SqlLog } from '../sql-log.ts'

/** Acquires the lease if it is free and not claimed by another process, or if its sign still equals `stale`. */
export async function acquireLease(
  { db }: Pick<SqlLog, 'db'>,
  name: string,
  owner: string,
  stale?: LeaseSign,
): Promise<LeaseAnswer> {
  while (true) {
    const lease = await takeLease(db, name, owner, stale)
    if (lease !== undefined) return { acquired: true, lease: leaseOf(lease) }
    const sign = await readSign(db, name)
    if (sign !== undefined) return { acquired: false, sign }
    // It was released in between.
  }
}

/** Creates the row if there is none. */
async function takeLease(db: Kysely<LogTables>, name: string, owner: string, stale?: LeaseSign) {
  return await db
    .insertInto('leases')
    // The first token is random: the holder of a revoked lease of this name still has its token.
    .values({ name, token: randomInt(2 ** 47), beat: 1, owner, claim: null })
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet((eb) => ({
          token: eb('leases.token', '+', 1),
          beat: eb('leases.beat', '+', 1),
          owner,
          claim: null,
        }))
        .where((eb) => {
          const isOurs = eb.or([eb('leases.claim', 'is', null), eb('leases.claim', '=', owner)])
          const isFree = eb.and([eb('leases.owner', 'is', null), isOurs])
          if (stale === undefined) return isFree
          const { token, beat } = stale
          return eb.or([isFree, eb.and([eb('leases.token', '=', token), eb('leases.beat', '=', beat)])])
        }),
    )
    .returning(['token', 'claim'])
    .executeTakeFirst()
}

async function readSign(db: Kysely<LogTables>, name: string): Promise<LeaseSign | undefined> {
  return await db.selectFrom('leases').select(['token', 'beat']).where('name', '=', name).executeTakeFirst()
}

/**
 * Renews the lease; returns undefined if it is lost. In a transaction, it also locks the lease until the transaction ends.
 */
export async function renewLease(
  { db }: Pick<SqlLog, 'db'>,
  { name, token }: HeldLease,
): Promise<Lease | undefined> {
  const lease = await db
    .updateTable('leases')
    .set((eb) => ({ beat: eb('beat', '+', 1) }))
    .where('name', '=', name)
    .where('token', '=', token)
    .where('owner', 'is not', null)
    .returning(['token', 'claim'])
    .executeTakeFirst()
  return lease && leaseOf(lease)
}

/** Claims the lease from its owner; returns false if `owner` does not hold it, or if another process has claimed it. */
export async function claimLease(
  { db }: SqlLog,
  name: string,
  owner: string,
  claimant: string,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('leases')
    .set({ claim: claimant })
    .where('name', '=', name)
    .where('owner', '=', owner)
    .where('claim', 'is', null)
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}

/** Releases the lease. Without a claim its row is deleted, since its name may never occur again. */
export async function releaseLease(log: SqlLog, lease: HeldLease): Promise<void> {
  const { db } = log
  const { name, token } = lease
  await vacateLease(log, lease)
  await db
    .deleteFrom('leases')
    .where('name', '=', name)
    .where('token', '=', token)
    .where('owner', 'is', null)
    .where('claim', 'is', null)
    .execute()
}

/** Releases the lease and keeps its token. */
async function vacateLease({ db }: SqlLog, { name, token }: HeldLease): Promise<void> {
  await db
    .updateTable('leases')
    .set({ owner: null })
    .where('name', '=', name)
    .where('token', '=', token)
    .execute()
}

export async function listLeases({ db }: SqlLog, prefix: string): Promise<readonly LeaseState[]> {
  return await db
    .selectFrom('leases')
    .select(['name', 'owner', 'claim'])
    .where(startsWith('name', prefix))
    .where((eb) => eb.or([eb('owner', 'is not', null), eb('claim', 'is not', null)]))
    .orderBy('name')
    .execute()
}

function leaseOf({ token, claim }: Pick<LogTables['leases'], 'token' | 'claim'>): Lease {
  return { token, claimed: claim !== null }
}
