import type { Changes, CommitResult } from '../storage/contract/commit.ts'
import type { Failure } from '../storage/contract/dead-letters.ts'
import type { HeldLease } from '../storage/contract/leases.ts'
import { partitionLease } from '../storage/contract/partition-lease.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { PartitionKey } from '../storage/contract/subscriptions.ts'

export const PARTITION: PartitionKey = { name: 'mail', partition: 0 }

/** A process that runs a partition of a durable subscription. */
export interface Holder {
  readonly lease: HeldLease
  commit(changes: Changes): Promise<CommitResult>
}

/** Acquires the lease with the owner 'test'. */
export async function acquired({ leases }: EventStorage, name: string): Promise<HeldLease> {
  const answer = await leases.acquire(name, 'test')
  if (!answer.acquired) throw new Error(`another process holds '${name}'`)
  return { name, token: answer.lease.token }
}

/** Creates a partition's subscription, unless it exists, and acquires the partition's lease. */
export async function holderOf(storage: EventStorage, key: PartitionKey = PARTITION): Promise<Holder> {
  await storage.subscriptions.create(key.name, key.partition + 1, 0)
  const lease = await acquired(storage, partitionLease(key))
  return { lease, commit: (changes) => storage.commit(lease, changes) }
}

/** Takes the lease over, as if another process had watched its sign for long enough. */
export async function takeOver({ leases }: EventStorage, name: string): Promise<HeldLease> {
  const seen = await leases.acquire(name, 'other')
  if (seen.acquired) throw new Error(`nobody held '${name}'`)
  const answer = await leases.acquire(name, 'other', seen.sign)
  if (!answer.acquired) throw new Error(`'${name}' was not taken over`)
  return { name, token: answer.lease.token }
}

let parked = 0

/** Stores a failure as a dead letter, as the holder of some lease. */
export async function park(storage: EventStorage, failure: Failure): Promise<void> {
  const lease = await acquired(storage, `park ${++parked}`)
  const { committed } = await storage.commit(lease, { failures: [failure] })
  await storage.leases.release(lease)
  if (!committed) throw new Error('the lease was lost')
}
