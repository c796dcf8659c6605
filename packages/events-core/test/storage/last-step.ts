import { expect } from 'vitest'
import type { EventStorage } from '../../src/storage/contract/storage.ts'
import { PARTITION } from '../../src/testing/holder.ts'

/** Returns the last of the steps in commit-steps.ts whose changes are stored; fails unless all its changes are. */
export async function lastStep(storage: EventStorage): Promise<number> {
  const [partition] = await storage.subscriptions.list(PARTITION.name)
  const step = partition?.position ?? 0
  expect((await storage.documents.get('steps', 'last'))?.value ?? 0).toBe(step)
  expect((await storage.state.size(PARTITION)).keys).toBe(step)
  expect((await storage.state.due(PARTITION, step, step + 1)).length).toBe(step)
  expect((await storage.deadLetters.list({ limit: 1 })).total).toBe(step)
  expect(await storage.count()).toBe(step)
  expect((await storage.head()).position).toBe(step)
  return step
}
