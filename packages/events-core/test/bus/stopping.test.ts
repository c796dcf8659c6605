import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createEventBus, memoryStorage } from '../../src/index.ts'
import { startedBus, storageWithAppend } from './setup.ts'

const events = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ type: 'a', source: 'test', id: `${i}` }))

test('a handler that is at work when the bus stops may still publish its answer', async () => {
  const storage = memoryStorage()
  const bus = createEventBus({ storage })
  await bus.start()
  const reading = Promise.withResolvers<void>()
  const read = Promise.withResolvers<void>()
  const outcomes: unknown[] = []
  const handler = async () => {
    reading.resolve()
    await read.promise
    await bus.publish({ type: 'b', source: 'test' }).then(
      () => outcomes.push('published'),
      (error: unknown) => outcomes.push(error),
    )
  }
  await bus.subscribe('a', handler, { durable: 'answers', from: 'beginning' })
  await bus.publishMany(events(1))
  await reading.promise
  const stopped = bus.stop()
  read.resolve()
  await stopped
  expect(outcomes).toEqual(['published'])
})

test('a stop that waits for a slow store makes no dead letters', async () => {
  const slow = Promise.withResolvers<void>()
  let isSlow = false
  const storage = storageWithAppend(async (append, records) => {
    if (isSlow) await slow.promise
    return append(records)
  })
  const bus = createEventBus({ storage })
  await bus.start()
  const handler = async (event: { id: string }) => {
    await sleep(5)
    await bus.publish({ type: 'b', source: 'test', id: `answer ${event.id}` })
  }
  const retry = { attempts: 2, minDelayMs: 1 }
  await bus.subscribe('a', handler, { durable: 'answers', from: 'beginning', concurrency: 4, retry })
  await bus.publishMany(events(1_000))
  await expect.poll(() => bus.count({ types: ['b'] })).toBeGreaterThan(0)
  isSlow = true
  void bus.publish({ type: 'x', source: 'test' })
  await sleep(1)
  const stopped = bus.stop()
  await sleep(100)
  slow.resolve()
  await stopped
  await storage.open()
  expect((await storage.deadLetters.list({ limit: 1 })).total).toBe(0)
})

test('a stop keeps its time-out also after an unsubscribe, and tells what was left', async () => {
  const bus = await startedBus()
  const never = new Promise(() => {})
  const subscription = await bus.subscribe('a', () => never, {
    durable: 'hung',
    from: 'beginning',
    handlerTimeoutMs: 20_000,
  })
  await bus.publishMany(events(1))
  await expect.poll(() => bus.subscriptions()[0]?.in_flight).toBe(1)
  await subscription.unsubscribe()
  const report = await Promise.race([bus.stop({ timeoutMs: 50 }), sleep(5_000, 'still stopping')])
  expect(report).toMatchObject({ drained: false, unhandled: { hung: 1 } })
})

test('onEnd is not told of an unsubscribe', async () => {
  const bus = await startedBus()
  const ends: string[] = []
  const options = { durable: 'mine', onEnd: (reason: string) => ends.push(reason) }
  const subscription = await bus.subscribe('a', () => 1, options)
  await subscription.unsubscribe()
  await expect.poll(() => bus.subscriptions()).toEqual([])
  expect(ends).toEqual([])
})
