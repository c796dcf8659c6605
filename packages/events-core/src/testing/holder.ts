import type { Changes, CommitResult } from '../storage/contract/commit.ts'
import type { HeldLease } from '../storage/contract/leases.ts'
import type { EventStorageNext } from '../storage/contract/next.ts'
import type { PartitionKey } from '../storage/contract/subscriptions.ts'
import { partitionLease } from '../storage/partition-lease.ts'

export const PARTITION: PartitionKey = { name: 'mail', partition: 0 }

/** Who runs a partition of a durable subscription. */
export interface Holder {
  readonly lease: HeldLease
  commit(changes: Changes): Promise<CommitResult>
}

/** Acquires the lease, as somebody named 'test'. */
export async function acquired({ leases }: EventStorageNext, name: string): Promise<HeldLease> {
  const answer = await leases.acquire(name, 'test')
  if (!answer.acquired) throw new Error(`another process holds '${name}'`)
  return { name, token: answer.lease.token }
}

/** Makes the subscription of a partition, unless it is there, and acquires the lease of that partition. */
export async function holderOf(storage: EventStorageNext, key: PartitionKey = PARTITION): Promise<Holder> {
  await storage.subscriptions.create(key.name, key.partition + 1, 0)
  const lease = await acquired(storage, partitionLease(key))
  return { lease, commit: (changes) => storage.commit(lease, changes) }
}

/** As if another process had watched the sign of the lease for long enough. */
export async function takeOver({ leases }: EventStorageNext, name: string): Promise<HeldLease> {
  const seen = await leases.acquire(name, 'other')
  if (seen.acquired) throw new Error(`nobody held '${name}'`)
  const answer = await leases.acquire(name, 'other', seen.sign)
  if (!answer.acquired) throw new Error(`'${name}' was not taken over`)
  return { name, token: answer.lease.token }
}
