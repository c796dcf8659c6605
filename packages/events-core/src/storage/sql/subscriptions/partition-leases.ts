import { EventsError } from '../../../errors.ts'
import type {
  HeldLease,
  Lease,
  LeaseAnswer,
  LeaseSign,
  PartitionKey,
  Progress,
} from '../../contract/subscriptions.ts'
import { partitionLease } from '../../partition-lease.ts'
import { acquireLease, claimLease, renewLease, vacateLease } from '../leases/leases.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'
import { saveCheckpoint } from './checkpoint.ts'

/** Takes the lease of a partition. @throws EventsError EVENTS_NOT_FOUND when there is no such partition */
export async function acquirePartition(
  log: SqlLog,
  key: PartitionKey,
  owner: string,
  stale?: LeaseSign,
): Promise<LeaseAnswer> {
  await readProgress(log, key)
  const answer = await acquireLease(log, partitionLease(key), owner, stale)
  return answer.acquired
    ? { acquired: true, lease: { ...answer.lease, ...(await readProgress(log, key)) } }
    : answer
}

/** Shows that the holder is alive, and saves its progress. Undefined when the lease is lost. */
export function renewPartition(
  call: SqlCall,
  key: PartitionKey,
  token: number,
  progress: Progress = {},
): Promise<Lease | undefined> {
  return call.aside(async (db) => {
    const lease = await renewLease({ db }, { name: partitionLease(key), token })
    if (lease === undefined) return undefined
    const paused = await saveCheckpoint({ db, nowMs: call.nowMs }, { ...key, ...progress })
    return paused === undefined ? undefined : { ...lease, ...(await readProgress({ db }, key)) }
  })
}

export function claimPartition(
  log: SqlLog,
  key: PartitionKey,
  owner: string,
  claimant: string,
): Promise<boolean> {
  return claimLease(log, partitionLease(key), owner, claimant)
}

export function releasePartition(log: SqlLog, key: PartitionKey, token: number): Promise<void> {
  return vacateLease(log, { name: partitionLease(key), token })
}

/** Whether a lease is held, and stays so until the end of the transaction. */
export async function holdsPartition(db: SqlLog['db'], { token, ...key }: HeldLease): Promise<boolean> {
  return (await renewLease({ db }, { name: partitionLease(key), token })) !== undefined
}

async function readProgress(
  { db }: Pick<SqlLog, 'db'>,
  { name, partition }: PartitionKey,
): Promise<Pick<Lease, 'position' | 'paused'>> {
  const found = await db
    .selectFrom('subscription_partitions')
    .select(['position', 'paused'])
    .where((eb) => eb.and({ name, partition }))
    .executeTakeFirst()
  if (found !== undefined) return { position: found.position, paused: found.paused !== 0 }
  throw new EventsError(
    'EVENTS_NOT_FOUND',
    `There is no durable subscription '${name}' with a partition ${partition}`,
  )
}
