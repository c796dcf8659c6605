import { randomInt } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { HeldLease, Lease, LeaseAnswer, LeaseSign, LeaseState } from '../../contract/leases.ts'
import type { LogTables } from '../schema.ts'
import { startsWith } from '../search/prefix.ts'
import type { SqlLog } from '../sql-log.ts'

/** Takes the lease if it is free and nobody else's to take, or stands still at the sign that the caller saw. */
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
    // It was given back in between.
  }
}

/** Makes the row where there is none. */
async function takeLease(db: Kysely<LogTables>, name: string, owner: string, stale?: LeaseSign) {
  return await db
    .insertInto('leases')
    // Not from the start again: the holder of a lease of this name that was taken away still has its token.
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
 * Shows that the holder is alive; undefined when the lease is lost. In a transaction it also keeps the lease from being taken
 * away until the end of that.
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

/** Asks the owner to release the lease to the claimant; false when that is not the owner, or somebody has asked. */
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

/** Gives the lease back. One that nobody claimed is forgotten: its name may never come again. */
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

/** Gives the lease back, and remembers its token. */
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
