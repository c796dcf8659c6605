import type { EventStorage } from '../storage/contract/storage.ts'
import { listAll } from './reading.ts'

/**
 * Returns everything visible of a store and of one collection of documents: equal before and after a call that changes
 * nothing.
 */
export async function snapshotOf(storage: EventStorage, collection: string): Promise<object> {
  const partitions = await storage.subscriptions.list()
  return {
    head: await storage.head(),
    totals: await storage.totals(),
    events: await listAll(storage),
    partitions,
    deadLetters: await storage.deadLetters.list({ limit: 1_000 }),
    documents: await storage.documents.list(collection, { limit: 1_000 }),
    states: await Promise.all(partitions.map((partition) => storage.state.oldest(partition, 1_000))),
    sizes: await Promise.all(partitions.map((partition) => storage.state.size(partition))),
    leases: await storage.leases.list(''),
  }
}
