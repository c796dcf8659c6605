import { setTimeout as sleep } from 'node:timers/promises'
import { createEventBus, type EventStorage } from '@viewra/events-core'
import { counting, keyed } from './ours.ts'

/** The same time for one and for many: the end of the log is polled once a second, whoever reads it. */
export const WATCH_MS = 5_000
const KEYS = 100
const PAUSE_MS = 5

/** Returns how often processors that are caught up read the store while events come one by one. */
export async function readsOfCaughtUp(storage: EventStorage, processors: number): Promise<number> {
  const reads = countReads(storage)
  // Each has a filter of its own, so that they share nothing by chance.
  const workers = Array.from({ length: processors }, (_, number) =>
    counting({ revision: number + 1, filter: { types: ['bench', `other${number}`] } }),
  )
  const bus = createEventBus({ storage, workers })
  await bus.start()
  const caughtUp = async () => {
    const { position } = await bus.head()
    return (await bus.durable.list()).every((one) => one.position >= position)
  }
  await bus.publish(keyed(KEYS))
  while (!(await caughtUp())) await sleep(20)
  const before = reads()
  for (const until = performance.now() + WATCH_MS; performance.now() < until; ) {
    await bus.publish(keyed(KEYS))
    await sleep(PAUSE_MS)
  }
  const count = reads() - before
  while (!(await caughtUp())) await sleep(20)
  await bus.stop()
  return count
}

/** Counts the calls that read events or state. */
function countReads(storage: EventStorage): () => number {
  let reads = 0
  const counted = <T extends object>(part: T, names: readonly (keyof T)[]) => {
    for (const name of names) {
      const method = part[name]
      if (typeof method !== 'function') continue
      const call = method.bind(part)
      Object.assign(part, {
        [name]: (...args: unknown[]) => {
          reads++
          return call(...args)
        },
      })
    }
  }
  counted(storage, ['read', 'head', 'list', 'get', 'count'])
  counted(storage.state, ['read', 'due', 'nextDue', 'oldest', 'size'])
  return () => reads
}
