import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test, vi } from 'vitest'
import { type EventInput, type EventStorage, EventsError, memoryStorage } from '../../src/index.ts'
import { gate, recordingLogger, recordingMetrics, startedBus, storageWithAppend } from './setup.ts'

const info: EventInput<'info'> = { type: 'info', source: 'test' }
const many = (count: number): EventInput<'info'>[] => Array.from({ length: count }, () => info)

/** Creates a store that accepts nothing until the gate opens. */
function closedStorage() {
  const { opened, open } = gate()
  const storage = storageWithAppend(async (append, records) => {
    await opened
    return append(records)
  })
  return { storage, open }
}

function drops(metrics: ReturnType<typeof recordingMetrics>): number {
  return metrics.calls
    .filter(([name]) => name === 'dropped')
    .reduce((sum, [, , count]) => sum + Number(count), 0)
}

describe('a slow store', () => {
  test('loses none of 10,000 publishes at once, however small the buffer', async () => {
    const storage = storageWithAppend(async (append, records) => {
      await new Promise((resolve) => setTimeout(resolve, 2))
      return append(records)
    })
    const bus = await startedBus({ storage, bufferEvents: 50, publishTimeoutMs: 60_000 })
    const receipts = await Promise.all(many(10_000).map((input) => bus.publish(input)))
    expect(new Set(receipts.map((receipt) => receipt.position)).size).toBe(10_000)
    expect(await bus.count()).toBe(10_000)
  })

  test('lets a signal withdraw an event that is waiting', async () => {
    const { storage, open } = closedStorage()
    const bus = await startedBus({ storage })
    const writing = bus.publish(info)
    await new Promise((resolve) => setImmediate(resolve))
    const controller = new AbortController()
    const waiting = bus.publish({ ...info, id: 'given up' }, { signal: controller.signal })
    controller.abort(new Error('changed my mind'))
    await expect(waiting).rejects.toThrow('changed my mind')
    open()
    await writing
    expect(await bus.get('given up')).toBeUndefined()
  })

  test('lets one signal withdraw all events that are waiting, but none that are answered or being written', async () => {
    const { storage, open } = closedStorage()
    const bus = await startedBus({ storage })
    const controller = new AbortController()
    const publish = (id: string) => bus.publish({ ...info, id }, { signal: controller.signal })
    const writing = publish('being written')
    await new Promise((resolve) => setImmediate(resolve))
    const waiting = Promise.allSettled([publish('a'), publish('b')])
    controller.abort(new Error('the client is gone'))
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    open()
    await writing
    expect((await bus.list({ limit: 10 })).events.map(({ id }) => id)).toEqual(['being written'])
  })

  test('rejects an event whose signal is already aborted', async () => {
    const bus = await startedBus()
    await expect(bus.publish(info, { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow(
      'too late',
    )
    expect(await bus.count()).toBe(0)
  })

  test('rejects after the timeout: waiting events were not stored, the outcome of events being written is unknown', async () => {
    const { storage, open } = closedStorage()
    const bus = await startedBus({ storage })
    const writing = bus.publish(info, { timeoutMs: 20 })
    await new Promise((resolve) => setImmediate(resolve))
    const waiting = bus.publish({ ...info, id: 'late' }, { timeoutMs: 20 })
    await expect(writing).rejects.toMatchObject({
      code: 'EVENTS_STORAGE_UNAVAILABLE',
      message: /may or may not/,
    })
    await expect(waiting).rejects.toMatchObject({
      code: 'EVENTS_STORAGE_UNAVAILABLE',
      message: /has not answered a write for \d+ ms: event 'late' was not stored/,
    })
    open()
    await bus.publish(info)
    expect(await bus.get('late')).toBeUndefined()
  })
})

describe('publishAsync with a full buffer', () => {
  test("'reject' throws and counts the loss", async () => {
    const { storage, open } = closedStorage()
    const metrics = recordingMetrics()
    const bus = await startedBus({ storage, metrics, bufferEvents: 3 })
    const ids = many(3).map((input) => bus.publishAsync(input))
    expect(() => bus.publishAsync(info)).toThrow(EventsError)
    expect(() => bus.publishAsync(info)).toThrow(/3 of 3 events/)
    open()
    await expect.poll(() => bus.count()).toBe(3)
    expect(ids).toHaveLength(3)
    expect(drops(metrics)).toBe(2)
  })

  test("'drop-newest' keeps the waiting events and counts each loss", async () => {
    const { storage, open } = closedStorage()
    const metrics = recordingMetrics()
    const bus = await startedBus({ storage, metrics, bufferEvents: 3, overflow: 'drop-newest' })
    for (const id of ['a', 'b', 'c', 'd', 'e']) bus.publishAsync({ ...info, id })
    open()
    await expect.poll(() => bus.count()).toBe(3)
    expect((await bus.list({ limit: 10, order: 'asc' })).events.map((event) => event.id)).toEqual([
      'a',
      'b',
      'c',
    ])
    expect(drops(metrics)).toBe(2)
  })

  test("'drop-oldest' keeps the newest, but never drops an event that a publisher waits for", async () => {
    const { storage, open } = closedStorage()
    const metrics = recordingMetrics()
    const bus = await startedBus({ storage, metrics, bufferEvents: 3, overflow: 'drop-oldest' })
    const awaited = bus.publish({ ...info, id: 'awaited' })
    for (const id of ['a', 'b', 'c', 'd']) bus.publishAsync({ ...info, id })
    open()
    await awaited
    await expect.poll(() => bus.count()).toBe(3)
    const { events } = await bus.list({ limit: 10, order: 'asc' })
    expect(events.map((event) => event.id)).toEqual(['awaited', 'c', 'd'])
    expect(drops(metrics)).toBe(2)
  })

  test('the bytes of waiting events are bounded too', async () => {
    const { storage, open } = closedStorage()
    const bus = await startedBus({ storage, bufferBytes: 4_000 })
    const big = { type: 'x', source: 'test', data: { text: 'x'.repeat(3_000) } }
    bus.publishAsync(big)
    bus.publishAsync(big)
    expect(() => bus.publishAsync(big)).toThrow(/of 4000 bytes/)
    open()
  })

  test('losses are logged at most once a second', async () => {
    const { storage, open } = closedStorage()
    const logger = recordingLogger()
    const bus = await startedBus({ storage, logger, bufferEvents: 1, overflow: 'drop-newest' })
    for (const input of many(1_000)) bus.publishAsync(input)
    expect(logger.lines.filter((line) => line.message === 'Events were dropped')).toHaveLength(1)
    open()
    await bus.stop()
    const lines = logger.lines.filter((line) => line.message === 'Events were dropped')
    expect(lines).toHaveLength(2)
    const logged = lines.map(
      (line) => (line.details as { dropped: { buffer_full: number } }).dropped.buffer_full,
    )
    expect(logged.reduce((sum, count) => sum + count, 0)).toBe(999)
  })
})

describe('a failing store', () => {
  test('is retried until it stores the events; nothing is lost or stored twice', async () => {
    let failures = 3
    const storage = storageWithAppend(async (append, records) => {
      if (failures-- > 0) throw new EventsError('EVENTS_STORAGE_LOCKED', 'locked')
      return append(records)
    })
    const bus = await startedBus({ storage })
    await Promise.all(many(10).map((input) => bus.publish(input)))
    expect(await bus.count()).toBe(10)
    expect((await bus.health()).status).toBe('ok')
  })

  test('makes health down, and its error reaches the publisher after the timeout', async () => {
    let away = true
    const storage = storageWithAppend(async (append, records) => {
      if (away) throw new EventsError('EVENTS_STORAGE_FULL', 'no space left')
      return append(records)
    })
    const bus = await startedBus({ storage })
    const failed = bus.publish(info, { timeoutMs: 50 })
    await expect(failed).rejects.toMatchObject({ code: 'EVENTS_STORAGE_FULL', message: 'no space left' })
    const waiting = bus.publish(info)
    expect(await bus.health()).toMatchObject({
      status: 'down',
      checks: { storage: { detail: 'no space left' } },
    })
    away = false
    await waiting
    expect((await bus.health()).status).toBe('ok')
    expect(await bus.count()).toBe(1)
  })

  test('an append whose outcome is unknown is repeated without storing anything twice', async () => {
    let cut = true
    const storage = storageWithAppend(async (append, records) => {
      const result = await append(records)
      if (!cut) return result
      cut = false
      throw new EventsError('EVENTS_STORAGE_UNAVAILABLE', 'the connection was cut')
    })
    const bus = await startedBus({ storage })
    const seen: string[] = []
    await bus.subscribe('*', (event) => seen.push(event.id))
    const receipts = await bus.publishMany([
      { ...info, id: 'a' },
      { ...info, id: 'b' },
    ])
    expect(receipts.map((receipt) => receipt.position)).toEqual([1, 2])
    expect(await bus.count()).toBe(2)
    await expect.poll(() => seen).toEqual(['a', 'b'])
  })

  test('one rejected record does not fail its neighbours, and order is kept', async () => {
    const storage = storageWithAppend(async (append, records) => {
      if (records.some((record) => record.event.id === 'poison')) throw new Error('constraint')
      return append(records)
    })
    const bus = await startedBus({ storage })
    const [a, poison, b] = await Promise.allSettled([
      bus.publish({ ...info, id: 'a' }),
      bus.publish({ ...info, id: 'poison' }),
      bus.publish({ ...info, id: 'b' }),
    ])
    expect(a).toMatchObject({ status: 'fulfilled', value: { position: 1 } })
    expect(b).toMatchObject({ status: 'fulfilled', value: { position: 2 } })
    expect(poison).toMatchObject({ status: 'rejected', reason: { code: 'EVENTS_STORAGE_FAILED' } })
  })
})

/** Creates a store of which some attempts fail. @param fail the error of the n-th attempt */
function failingStorage(fail: ReadonlyMap<number, EventsError>): EventStorage {
  let tries = 0
  return storageWithAppend(async (append, records) => {
    const error = fail.get(tries++)
    if (error === undefined) return append(records)
    // The outcome is unknown: here the records are stored despite the error.
    if (error.code === 'EVENTS_STORAGE_UNAVAILABLE') await append(records)
    throw error
  })
}

describe('a store that fails once', () => {
  test.each([
    ['a failure that passes', new EventsError('EVENTS_STORAGE_FULL', 'full')],
    ['an unknown outcome', new EventsError('EVENTS_STORAGE_UNAVAILABLE', 'cut')],
    ['a refusal', new EventsError('EVENTS_STORAGE_FAILED', 'no')],
  ])('keeps order and stores nothing twice after %s of the first batch', async (_, error) => {
    const bus = await startedBus({ storage: failingStorage(new Map([[0, error]])), batchEvents: 300 })
    const seen: unknown[] = []
    await bus.subscribe('*', ({ data }) => seen.push(data.n), { queueEvents: 10_000 })
    const inputs = Array.from({ length: 600 }, (_unused, n) => ({ ...info, data: { n } }))
    const receipts = await Promise.all(inputs.map((input) => bus.publish(input)))
    expect(receipts.map(({ position }) => position)).toEqual(inputs.map((_input, n) => n + 1))
    expect(receipts.some(({ duplicate }) => duplicate)).toBe(false)
    await expect.poll(() => seen.length).toBe(600)
    expect(seen).toEqual(inputs.map(({ data }) => data.n))
  })

  test('gives each publisher its own result when the second batch fails', async () => {
    const fail = new Map([[1, new EventsError('EVENTS_STORAGE_UNAVAILABLE', 'cut')]])
    const bus = await startedBus({ storage: failingStorage(fail), batchEvents: 300 })
    const receipts = await Promise.all(many(600).map((input) => bus.publish(input)))
    expect(receipts.map(({ position }) => position)).toEqual(many(600).map((_input, n) => n + 1))
    expect(receipts.some(({ duplicate }) => duplicate)).toBe(false)
  })
})

describe('what a publisher learns', () => {
  test('is that the outcome is unknown if its timeout passes during an attempt, however the previous one ended', async () => {
    const { opened, open } = gate()
    let tries = 0
    const storage = storageWithAppend(async (append, records) => {
      if (tries++ === 0) throw new EventsError('EVENTS_STORAGE_LOCKED', 'locked')
      await opened
      return append(records)
    })
    const bus = await startedBus({ storage })
    const failed = bus.publish({ ...info, id: 'mine' }, { timeoutMs: 150 })
    await expect(failed).rejects.toMatchObject({
      code: 'EVENTS_STORAGE_UNAVAILABLE',
      message: expect.stringContaining("event 'mine' may or may not be stored"),
    })
    open()
    await expect.poll(() => bus.get('mine')).toBeDefined()
  })

  test('is not changed by a signal once the event is being written', async () => {
    const { storage, open } = closedStorage()
    const bus = await startedBus({ storage })
    const controller = new AbortController()
    const writing = bus.publish({ ...info, id: 'mine' }, { signal: controller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort(new Error('too late'))
    open()
    expect(await writing).toMatchObject({ id: 'mine', position: 1 })
  })
})

describe('a buffer', () => {
  test('regains its room, in events and in bytes, when its events are written', async () => {
    const bus = await startedBus({ bufferBytes: 4_000, bufferEvents: 3 })
    const big = { type: 'x', source: 'test', data: { text: 'x'.repeat(3_000) } }
    for (let round = 0; round < 10; round++) {
      bus.publishAsync(big)
      await expect.poll(async () => (await bus.health()).checks.buffer.events).toBe(0)
    }
    expect(await bus.count()).toBe(10)
  })

  test('that may drop the oldest keeps no reference to written events', async () => {
    const bus = await startedBus({ overflow: 'drop-oldest', storage: memoryStorage({ capacity: 10 }) })
    const alive: WeakRef<object>[] = []
    for (let i = 0; i < 200; i++) {
      const data = { list: [i] }
      bus.publishAsync({ type: 'x', source: 'test', data })
      const page = await bus.list({ limit: 1 })
      if (page.events[0]) alive.push(new WeakRef(page.events[0].data))
    }
    await collectGarbage()
    expect(alive.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(50)
  })

  test('forgets a failure after a while without attempts, so that health admits traffic again', async () => {
    let away = true
    const storage = storageWithAppend(async (append, records) => {
      if (away) throw new EventsError('EVENTS_STORAGE_FULL', 'no space left')
      return append(records)
    })
    const bus = await startedBus({ storage })
    await expect(bus.publish(info, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'EVENTS_STORAGE_FULL' })
    expect((await bus.health()).status).toBe('down')
    away = false
    const later = performance.now() + 11_000
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => later)
    expect((await bus.health()).status).toBe('ok')
    clock.mockRestore()
  })
})

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc === 'function') gc()
  await new Promise((resolve) => setImmediate(resolve))
  if (typeof gc === 'function') gc()
}
