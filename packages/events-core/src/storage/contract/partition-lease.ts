import type { PartitionKey } from './subscriptions.ts'

/** Returns the name of the lease under which one process at a time runs a partition of a durable subscription. */
export function partitionLease({ name, partition }: PartitionKey): string {
  return `subscription:${name}:${partition}`
}
