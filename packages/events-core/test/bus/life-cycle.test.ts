import { describe, expect, test } from 'vitest'
import {
  createEventBus,
  type EventInput,
  EventsError,
  getGlobalEventBus,
  memoryStorage,
  setGlobalEventBus,
} from '../../src/index.ts'
import { gate, startedBus, storageWithAppend } from './setup.ts'

const info: EventInput<'info'> = { type: 'info', source: 'test' }

describe('start and stop', () => {
  test('before the start and after the stop, everything except subscribing fails because the bus is not running', async () => {
    const bus = createEventBus()
    const calls = [
      () => bus.publish(info),
      () => bus.publishMany([info]),
      async () => bus.publishAsync(info),
      () => bus.list({ limit: 1 }),
      () => bus.get('a'),
      () => bus.count(),
      () => bus.delete('a'),
      () => bus.deleteMatching({}),
      () => bus.clear(),
      () => bus.types(),
      () => bus.stats(),
    ]
    const allRefuse = async () => {
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'EVENTS_NOT_RUNNING' })
      expect(await bus.health()).toMatchObject({ status: 'down' })
    }
    await allRefuse()
    await bus.start()
    await bus.publish(info)
    await bus.stop()
    await allRefuse()
  })

  test('may be called twice, concurrently and in turn', async () => {
    const bus = createEventBus()
    await Promise.all([bus.start(), bus.start()])
    await bus.start()
    for (let round = 0; round < 3; round++) {
      const [first, second] = await Promise.all([bus.stop(), bus.stop()])
      expect(first).toEqual({ drained: true, unwritten: 0, unhandled: {}, closed: true })
      expect(second).toEqual(first)
      await bus.start()
      await bus.publish(info)
    }
    await bus.stop()
  })

  test('a start that fails says why and can be repeated', async () => {
    const storage = storageWithAppend((append, records) => append(records))
    let broken = true
    const open = async () => {
      if (broken) throw new EventsError('EVENTS_STORAGE_CORRUPT', 'no event store')
      await storage.open()
    }
    const bus = createEventBus({ storage: { ...storage, open } })
    await expect(bus.start()).rejects.toMatchObject({ code: 'EVENTS_STORAGE_CORRUPT' })
    expect(bus.running).toBe(false)
    broken = false
    await bus.start()
    expect(bus.running).toBe(true)
  })

  test('subscriptions created before the start get events', async () => {
    const bus = createEventBus()
    const seen: string[] = []
    await bus.subscribe('*', (event) => seen.push(event.type))
    await bus.start()
    await bus.publish(info)
    await expect.poll(() => seen).toEqual(['info'])
    await bus.stop()
  })
})

describe('stop', () => {
  test('writes accepted events and lets handlers finish', async () => {
    const storage = storageWithAppend(async (append, records) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return append(records)
    })
    const bus = createEventBus({ storage, batchEvents: 10 })
    await bus.start()
    let handled = 0
    await bus.subscribe('*', async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      handled++
    })
    for (let i = 0; i < 100; i++) bus.publishAsync(info)
    expect(await bus.stop()).toEqual({ drained: true, unwritten: 0, unhandled: {}, closed: true })
    expect(handled).toBe(100)
    await storage.open()
    expect(await storage.count()).toBe(100)
  })

  test('reports what was left at its timeout, and informs subscribers and publishers', async () => {
    const bus = createEventBus({ storage: storageWithAppend(() => gate().opened as never) })
    await bus.start()
    const waiting = bus.publish(info)
    bus.publishAsync(info)
    const failure = expect(waiting).rejects.toMatchObject({ code: 'EVENTS_STORAGE_UNAVAILABLE' })
    expect(await bus.stop({ timeoutMs: 30 })).toEqual({
      drained: false,
      unwritten: 2,
      unhandled: {},
      closed: true,
    })
    await failure
  })

  test('reports unfinished handlers by name, and aborts their signals', async () => {
    const bus = await startedBus()
    const ends: string[] = []
    let aborted: unknown
    const handler = (_: unknown, { signal }: { signal: AbortSignal }) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason
      })
      return new Promise(() => undefined)
    }
    await bus.subscribe('*', handler, { name: 'slow', onEnd: (reason) => ends.push(reason) })
    await bus.publishMany([info, info, info])
    expect(await bus.stop({ timeoutMs: 30 })).toEqual({
      drained: false,
      unwritten: 0,
      unhandled: { slow: 3 },
      closed: true,
    })
    expect(ends).toEqual(['stopped'])
    expect(aborted).toMatchObject({ code: 'EVENTS_NOT_RUNNING' })
  })

  test('races with publishes 1,000 times: each is either stored or rejected, and nothing crashes', async () => {
    for (let run = 0; run < 1_000; run++) {
      const storage = memoryStorage()
      const bus = createEventBus({ storage })
      await bus.start()
      const publishes = Array.from({ length: 5 }, async (_, i) => {
        for (let turn = 0; turn < i; turn++) await Promise.resolve()
        return bus.publish(info)
      })
      const stopped = bus.stop()
      const outcomes = await Promise.allSettled(publishes)
      await stopped
      await storage.open()
      const stored = outcomes.filter((outcome) => outcome.status === 'fulfilled').length
      expect(await storage.count()).toBe(stored)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          expect(outcome.reason).toMatchObject({ code: 'EVENTS_NOT_RUNNING' })
      }
    }
  })
})

test('stop does not wait for a handler whose subscription was unsubscribed meanwhile', async () => {
  const bus = await startedBus()
  const retry = { attempts: 5, minDelayMs: 60_000, maxDelayMs: 60_000 }
  const subscription = await bus.subscribe('*', () => Promise.reject(new Error('no')), { retry })
  await bus.publishMany([info, info, info])
  await expect.poll(() => bus.subscriptions()[0]?.errors).toBe(1)
  const stopped = bus.stop({ timeoutMs: 600_000 })
  await new Promise((resolve) => setTimeout(resolve, 20))
  await subscription.unsubscribe()
  expect(await stopped).toMatchObject({ drained: true })
})

test('a start during a stop waits for its end', async () => {
  const bus = createEventBus({ storage: memoryStorage() })
  await bus.start()
  let hasStopped = false
  void bus.stop().then(() => {
    hasStopped = true
  })
  await bus.start()
  expect(hasStopped).toBe(true)
  await bus.publish(info)
  await bus.stop()
})

describe('the global bus', () => {
  test('throws an error that says what to do until it is set', async () => {
    expect(() => getGlobalEventBus()).toThrow(/call setGlobalEventBus/)
    const bus = createEventBus()
    setGlobalEventBus(bus)
    expect(getGlobalEventBus()).toBe(bus)
    setGlobalEventBus(undefined)
    expect(() => getGlobalEventBus()).toThrow(EventsError)
  })
})

describe('statistics', () => {
  test('agree with the store after delete and clear', async () => {
    const bus = await startedBus()
    await bus.subscribe('*', () => 1)
    await bus.publish({ type: 'a', source: 's', id: 'one', priority: 1 })
    await bus.publish({ type: 'a', source: 't', priority: 12 })
    await bus.publish({ type: 'b', source: 's', priority: 99 })
    expect(await bus.stats()).toMatchObject({
      total_events: 3,
      events_by_type: { a: 2, b: 1 },
      events_by_source: { s: 2, t: 1 },
      events_by_priority: { low: 1, normal: 0, high: 1, critical: 1 },
      recent_events: [{ position: 3 }, { position: 2 }, { position: 1 }],
      active_subscriptions: 1,
    })
    await bus.delete('one')
    expect(await bus.stats()).toMatchObject({ total_events: 2, events_by_type: { a: 1, b: 1 } })
    expect(await bus.types()).toContain('b')
    await bus.clear()
    expect(await bus.stats()).toMatchObject({ total_events: 0, events_by_type: {}, recent_events: [] })
    expect(await bus.types()).not.toContain('b')
  })
})
