import type { EventStorage } from '../storage/contract/storage.ts'
import { listAll } from './reading.ts'

/** All that anybody can see of a store, of the documents one collection: equal before and after what changes nothing. */
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
