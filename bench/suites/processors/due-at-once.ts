import { setTimeout as sleep } from 'node:timers/promises'
import { createEventBus, type EventBus, type EventStorage } from '@viewra/events-core'
import { quantile } from '../../harness/contest.ts'
import type { Report } from '../../harness/report.ts'
import { counting, NAME, type Open } from './ours.ts'

const PARTITION = { name: `${NAME}@1`, partition: 0 }
const BATCH = 5_000
/** When the timers are due, from now on: nothing else of the suite comes near it. */
const DUE_IN_MS = 6 * 3_600_000
/** How much of the work is watched. */
const WATCH_MS = 10_000
const ALONE_MS = 2_000
const PUBLISH_EVERY_MS = 10
const MIB = 2 ** 20

/** Fills a store with the state of so many keys, each with a timer, as if a processor had done so. */
export async function fillStates(storage: EventStorage, keys: number): Promise<void> {
  await storage.open()
  const { name, partition } = PARTITION
  await storage.subscriptions.create(name, 1, 0)
  const lease = `subscription:${name}:${partition}`
  const answer = await storage.leases.acquire(lease, 'fill')
  if (!answer.acquired) throw new Error('the store is new')
  const held = { name: lease, token: answer.lease.token }
  const dueMs = Date.now() + DUE_IN_MS
  for (let n = 0; n < keys; n += BATCH) {
    const size = Math.min(BATCH, keys - n)
    const put = Array.from({ length: size }, (_, index) => ({
      key: `k${n + index}`,
      value: '1',
      dueMs,
      touched: 0,
    }))
    await storage.commit(held, { state: { ...PARTITION, put, delete: [] } })
  }
  await storage.leases.release(held)
  await storage.close()
}

/** Measures a processor whose timers are all due at once, and what those who publish meanwhile wait. */
export async function dueAtOnce(title: string, open: Open, report: Report): Promise<void> {
  const now = () => Date.now() + 2 * DUE_IN_MS
  const storage = open('many', now)
  const worker = counting({ maxKeys: 2_000_000 })
  const bus = createEventBus({ storage, now, workers: [worker] })
  globalThis.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const bare = createEventBus({ storage, now })
  await bare.start()
  let began = performance.now()
  const alone = await publishing(bare, () => performance.now() - began < ALONE_MS)
  await bare.stop()
  await bus.start()
  let heap = 0
  began = performance.now()
  const isWatched = () => {
    heap = Math.max(heap, process.memoryUsage().heapUsed - heapBefore)
    const keys = Number(worker.check().keys ?? 1)
    return performance.now() - began < WATCH_MS && keys > 0
  }
  const beside = await publishing(bus, isWatched)
  const seconds = (performance.now() - began) / 1_000
  const rate = Math.round((await bus.count({ types: ['bench.timeout'] })) / seconds)
  await bus.stop()
  report.note(
    `${title}: ${rate} called per second, each with an output. Publishes beside it ${shown(beside)}, alone ${shown(alone)}.`,
  )
  report.target(`${title}: longest publish`, Math.max(...beside), { atMost: 50 }, ' ms')
  report.target(`${title}: heap at the most beyond that before`, heap / MIB, { atMost: 64 }, ' MiB')
}

/** Publishes one event after the other. @returns how long each of them took, in milliseconds */
async function publishing(bus: EventBus, isWanted: () => boolean): Promise<readonly number[]> {
  const waits: number[] = []
  while (isWanted()) {
    const asked = performance.now()
    await bus.publish({ type: 'other', source: 'bench' })
    waits.push(performance.now() - asked)
    await sleep(PUBLISH_EVERY_MS)
  }
  return waits
}

function shown(waits: readonly number[]): string {
  const [p50, p99, longest] = [0.5, 0.99, 1].map((share) => quantile(waits, share).toFixed(1))
  return `p50 ${p50}, p99 ${p99}, longest ${longest} ms`
}
