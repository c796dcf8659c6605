import { setTimeout as sleep } from 'node:timers/promises'
import { createEventBus, type EventBus, type EventInput, type EventStorage } from '@viewra/events-core'
import { type ProcessorDefinition, processor } from '@viewra/events-core/processors'
import type { Contender, Figures } from '../../harness/contest.ts'

/** Opens a store of its own. @param now replaces its clock */
export type Open = (name: string, now?: () => number) => EventStorage

/** Of one round. */
const EVENTS = 20_000
export const LIMIT = 'durable subscription, empty handler'
export const NAME = 'bench'
const BATCH = 1_000

let next = 0

/** Returns the next event; its key is one of so many. */
export function keyed(keys: number): EventInput {
  // A cheap hash, so that keys do not come in order.
  const key = `k${(Math.imul(next++, 0x9e3779b1) >>> 0) % keys}`
  return {
    type: 'bench',
    source: 'bench',
    data: { key, path: '/media/shows/some-show/season-3/episode-7.mkv' },
  }
}

/** Counts the events of each key. Timers that were set before are left alone. */
export function counting(more: Partial<ProcessorDefinition<number>> = {}) {
  return processor<number>(NAME, {
    revision: 1,
    from: 'beginning',
    filter: { types: ['bench'] },
    key: (event) => String(event.data.key),
    step: (_event, count = 0, { set }) => set(count + 1),
    timer: (_key, count, { set, emit }) => {
      set(undefined)
      emit({ type: 'bench.timeout', data: { count: count ?? 0 } })
    },
    ...more,
  })
}

/** The limit: all that a processor has to read, at least once, without any effect. */
export function subscribing(storage: EventStorage): Contender {
  const start = async (bus: EventBus) => {
    await bus.subscribe('bench', () => undefined, { durable: NAME, from: 'beginning', concurrency: 16 })
  }
  return { name: LIMIT, round: () => round(storage, 1, createEventBus({ storage }), start) }
}

/** A processor of one revision, whose state grows up to so many keys. */
export function processing(storage: EventStorage, keys: number): Contender {
  const bus = () => createEventBus({ storage, workers: [counting()] })
  return { name: `processor, ${keys} keys`, round: () => round(storage, keys, bus(), async () => undefined) }
}

/** Stores events, and measures how long a bus that starts takes to handle them. */
async function round(
  storage: EventStorage,
  keys: number,
  bus: EventBus,
  start: (bus: EventBus) => Promise<void>,
): Promise<Figures> {
  await publish(storage, keys)
  const began = performance.now()
  await bus.start()
  await start(bus)
  const { position } = await bus.head()
  while ((await positionOf(bus)) < position) await sleep(5)
  const seconds = (performance.now() - began) / 1_000
  await bus.stop()
  return { 'events/s': EVENTS / seconds }
}

async function publish(storage: EventStorage, keys: number): Promise<void> {
  const bus = createEventBus({ storage })
  await bus.start()
  for (let n = 0; n < EVENTS; n += BATCH)
    await bus.publishMany(Array.from({ length: BATCH }, () => keyed(keys)))
  await bus.stop()
}

/** What is committed here; the store is not asked. */
async function positionOf(bus: EventBus): Promise<number> {
  const { position } = await bus.head()
  const own = bus.subscriptions().find(({ name, state }) => name.startsWith(NAME) && state !== 'waiting')
  return own === undefined ? 0 : position - (own.lag ?? 0)
}
