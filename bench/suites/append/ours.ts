import { createEventBus, type EventBus, type EventStorage } from '@viewra/events-core'
import type { Contender } from '../../harness/contest.ts'
import { eventAt } from '../../harness/events.ts'
import { batches, publishers } from '../../harness/publishers.ts'

export const PUBLISHERS = [1, 16, 256, 4_096]

/** Events of one `publishMany`, and of a batch of the limits. */
export const BATCH = 500

export async function startedBus(storage: EventStorage): Promise<EventBus> {
  const bus = createEventBus({ storage, publishTimeoutMs: 30_000 })
  await bus.start()
  return bus
}

export function publishing(bus: EventBus, count: number): Contender {
  return { name: 'viewra publish', round: () => publishers(count, (n) => bus.publish(eventAt(n))) }
}

export function publishingMany(bus: EventBus): Contender {
  const write = (n: number) =>
    bus.publishMany(Array.from({ length: BATCH }, (_, index) => eventAt(n + index)))
  return { name: `viewra publishMany of ${BATCH}`, round: () => batches(BATCH, write) }
}
