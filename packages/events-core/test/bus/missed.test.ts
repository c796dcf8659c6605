import { describe, expect, test } from 'vitest'
import {
  createEventBus,
  type EventBus,
  type EventBusOptions,
  type EventInput,
  memoryStorage,
} from '../../src/index.ts'
import { recordingLogger, recordingMetrics, startedBus } from './setup.ts'

const soon = { leaseMs: 300, checkpointMs: 5 }
const WARNING = 'Retention removed events before a durable subscription read them'

const numbered = (count: number, type = 'x'): EventInput[] =>
  Array.from({ length: count }, () => ({ type, source: 'test' }))

/** Starts a bus whose subscription 'mine' of type x has handled position 10 and is then paused, as if it lagged. */
async function laggingBus(options: EventBusOptions): Promise<{ bus: EventBus; seen: number[] }> {
  const bus = await startedBus(options)
  const seen: number[] = []
  await bus.subscribe('x', ({ position }) => seen.push(position ?? 0), { durable: 'mine', ...soon })
  await bus.publishMany(numbered(10))
  await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(10)
  await bus.durable.pause('mine')
  await expect.poll(() => bus.subscriptions()[0]?.state).toBe('paused')
  return { bus, seen }
}

describe('events that retention removed before a durable subscription handled them', () => {
  test('are skipped, logged once, counted and shown', async () => {
    const storage = memoryStorage()
    const [logger, metrics] = [recordingLogger(), recordingMetrics()]
    const { bus, seen } = await laggingBus({ storage, logger, metrics })
    await bus.publishMany(numbered(20))
    await storage.trim({ maxEvents: 5 })
    await bus.durable.resume('mine')
    await expect.poll(() => seen.slice(10)).toEqual([26, 27, 28, 29, 30])
    await expect
      .poll(async () => (await bus.durable.list())[0])
      .toMatchObject({ position: 30, missed: { from: 11, to: 25 } })
    await bus.publishMany(numbered(5))
    await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(35)
    const warnings = logger.lines.filter(({ message }) => message === WARNING)
    expect(warnings).toEqual([
      { level: 'warn', message: WARNING, details: { subscription: 'mine', from: 11, to: 25 } },
    ])
    expect(metrics.calls.filter(([name]) => name === 'missed')).toEqual([['missed', 'mine', 15]])
  })

  test('are reported when no event is left, and when a memory store was full', async () => {
    const storage = memoryStorage({ capacity: 100 })
    const { bus, seen } = await laggingBus({ storage })
    await bus.publishMany(numbered(10))
    await storage.clear()
    await bus.durable.resume('mine')
    await expect
      .poll(async () => (await bus.durable.list())[0])
      .toMatchObject({ position: 20, missed: { from: 11, to: 20 } })
    await bus.durable.pause('mine')
    await expect.poll(() => bus.subscriptions()[0]?.state).toBe('paused')
    for (let batch = 0; batch < 3; batch++) await bus.publishMany(numbered(60))
    await bus.durable.resume('mine')
    await expect
      .poll(async () => (await bus.durable.list())[0])
      .toMatchObject({ position: 200, missed: { from: 21, to: 100 } })
    expect(seen.slice(10)).toEqual(Array.from({ length: 100 }, (_, i) => 101 + i))
  })

  test('exclude what was removed after it was handled, and what a filter, a delete or a sweep left out', async () => {
    const storage = memoryStorage()
    const logger = recordingLogger()
    const { bus } = await laggingBus({ storage, logger })
    await storage.trim({ maxEvents: 0 })
    const [first] = await bus.publishMany([...numbered(1), ...numbered(5, 'y'), ...numbered(1)])
    await storage.delete(first?.id ?? '')
    await bus.durable.resume('mine')
    await expect.poll(async () => (await bus.durable.list())[0]).toMatchObject({ position: 17, missed: null })
    await storage.clear()
    await bus.publishMany(numbered(1))
    await expect.poll(async () => (await bus.durable.list())[0]).toMatchObject({ position: 18, missed: null })
    expect(logger.lines).toEqual([])
  })

  test('are missed by a subscription that starts at a position, but not by one that starts at the beginning', async () => {
    const bus = await startedBus()
    await bus.publishMany(numbered(10))
    await bus.clear()
    await bus.publishMany(numbered(3))
    await bus.subscribe('x', () => undefined, { durable: 'all', from: 'beginning', ...soon })
    await bus.subscribe('x', () => undefined, { durable: 'some', from: 4, ...soon })
    await expect
      .poll(() => bus.durable.list())
      .toMatchObject([
        { name: 'all', position: 13, missed: null },
        { name: 'some', position: 13, missed: { from: 5, to: 10 } },
      ])
    await bus.durable.reset('some', 'beginning')
    await expect
      .poll(() => bus.durable.list())
      .toMatchObject([{}, { name: 'some', position: 13, missed: null }])
  })

  test('are recorded in the store, and still shown after the process is gone', async () => {
    const storage = memoryStorage()
    const { bus } = await laggingBus({ storage })
    await bus.publishMany(numbered(10))
    await storage.trim({ maxEvents: 5 })
    await bus.durable.resume('mine')
    await expect.poll(async () => (await bus.durable.list())[0]?.missed).toEqual({ from: 11, to: 15 })
    await bus.stop({ timeoutMs: 100 })
    const other = createEventBus({ storage })
    await other.start()
    expect((await other.durable.list())[0]?.missed).toEqual({ from: 11, to: 15 })
    await other.stop()
  })
})
