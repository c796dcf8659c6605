import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createEventBus, type EventBus, type EventBusOptions, memoryStorage } from '../../src/index.ts'
import { type ProcessorDefinition, processor } from '../../src/processors/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { recordingLogger } from '../bus/setup.ts'
import { temporaryPath } from '../storage/sqlite/setup.ts'
import { isDone, lawProcessor, outcomeOf, randomInputs, readOutcome } from './law.ts'

async function startedBus(options: EventBusOptions): Promise<EventBus> {
  const bus = createEventBus({ pollIntervalMs: 20, ...options })
  await bus.start()
  onTestFinished(async () => {
    await bus.stop({ timeoutMs: 500 })
  })
  return bus
}

const numbered = (count: number, data: (number: number) => Record<string, string | number> = () => ({})) =>
  Array.from({ length: count }, (_, number) => ({
    type: 'in',
    source: 'test',
    data: { number, ...data(number) },
  }))

const outputs = async (bus: EventBus) => await bus.count({ types: ['out'] })

/** Repeats the number of each event, as one key. */
const echo = (more: Partial<ProcessorDefinition<number>> = {}) =>
  processor<number>('echo', {
    filter: { types: ['in'] },
    revision: 1,
    from: 'beginning',
    key: () => 'all',
    step: (event, state = 0, { set, emit }) => {
      set(state + 1)
      emit({ type: 'out', data: { number: Number(event.data.number), count: state + 1 } })
    },
    ...more,
  })

const figuresOf = async (bus: EventBus, name: string) => (await bus.health()).checks[name]

describe('a call that does not return in time', () => {
  test('is tried once more, since the whole process may have stood still', async () => {
    let calls = 0
    const stalling = echo({
      stepTimeoutMs: 20,
      step(event, state = 0, { set, emit }) {
        if (event.data.number === 5 && calls++ === 0) for (;;);
        set(state + 1)
        emit({ type: 'out', data: { count: state + 1 } })
      },
    })
    const bus = await startedBus({ workers: [stalling] })
    await bus.publishMany(numbered(10))
    await expect.poll(() => outputs(bus), { timeout: 10_000 }).toBe(10)
    expect(calls).toBe(2)
    expect((await bus.deadLetters.list({ limit: 1 })).total).toBe(0)
  })

  test('is not one of many that are quick enough each, but not together', async () => {
    const spend = (ms: number) => {
      for (const until = performance.now() + ms; performance.now() < until; );
    }
    const slow = echo({
      stepTimeoutMs: 30,
      key: () => {
        spend(2)
        return 'all'
      },
      step: (_event, _state, { emit }) => {
        spend(2)
        emit({ type: 'out' })
      },
    })
    const bus = await startedBus({ workers: [slow] })
    await bus.publishMany(numbered(100))
    await expect.poll(() => outputs(bus), { timeout: 20_000 }).toBe(100)
    expect((await bus.deadLetters.list({ limit: 1 })).total).toBe(0)
  })

  test('may be every one: each event becomes a dead letter, and others go on publishing', async () => {
    const endless = echo({
      stepTimeoutMs: 10,
      step: () => {
        for (;;);
      },
    })
    const bus = await startedBus({ workers: [endless], logger: recordingLogger() })
    await bus.publishMany(numbered(4))
    let published = 0
    await expect
      .poll(
        async () => {
          await bus.publish({ type: 'other', source: 'test' })
          published++
          return (await bus.deadLetters.list({ limit: 1 })).total
        },
        { timeout: 30_000 },
      )
      .toBe(4)
    expect(await bus.count({ types: ['other'] })).toBe(published)
  })
})

describe('state beyond its limits', () => {
  test('is shed key by key, and each of them is counted once', async () => {
    const many = echo({ key: (event) => `k${event.data.number}`, maxKeys: 100, batchEvents: 10 })
    const logger = recordingLogger()
    const bus = await startedBus({ workers: [many], logger })
    await bus.publishMany(numbered(1_000))
    await expect.poll(() => outputs(bus), { timeout: 10_000 }).toBe(1_000)
    const figures = await figuresOf(bus, 'echo@1')
    expect(Number(figures?.keys)).toBeLessThanOrEqual(110)
    expect(Number(figures?.keys) + Number(figures?.shed)).toBe(1_000)
    expect(logger.lines.filter(({ message }) => message.includes('too much state'))).toHaveLength(1)
  })

  test('loses no more than what is too much when it has too many bytes', async () => {
    const text = 'x'.repeat(1_000)
    const fat = processor<string>('fat', {
      filter: { types: ['in'] },
      revision: 1,
      from: 'beginning',
      key: (event) => `k${event.data.number}`,
      step: (_event, _state, { set }) => set(text),
      maxStateBytes: 15_000,
      batchEvents: 1,
    })
    const bus = await startedBus({ workers: [fat], logger: recordingLogger() })
    await bus.publishMany(numbered(100))
    await expect.poll(async () => (await bus.durable.list())[0]?.lag, { timeout: 10_000 }).toBe(0)
    const figures = await figuresOf(bus, 'fat@1')
    expect(Number(figures?.keys)).toBeGreaterThanOrEqual(14)
    expect(Number(figures?.state_bytes)).toBeLessThan(17_000)
  })
})

describe('many keys that time out at once', () => {
  const timeout = () =>
    processor<number>('timeout', {
      filter: { types: ['in'] },
      revision: 1,
      from: 'beginning',
      key: (event) => `k${event.data.number}`,
      step: (event, _state, { now, set, setTimer }) => {
        set(event.position)
        setTimer(Math.max(now + 1, Number(event.data.due)))
      },
      timer: (_key, _state, { set, emit }) => {
        set(undefined)
        emit({ type: 'out' })
      },
    })

  // More than the timers that are kept in memory; the file takes longer.
  test.each([
    ['memory', 25_000],
    ['SQLite', 4_000],
  ] as const)('have their timers called once each, and leave nothing behind, on %s', async (kind, count) => {
    const storage =
      kind === 'memory' ? memoryStorage({ capacity: 100_000 }) : sqliteStorage({ path: temporaryPath() })
    const bus = await startedBus({ storage, workers: [timeout()] })
    const due = Date.now() + 2_000
    for (let from = 0; from < count; from += 1_000)
      await bus.publishMany(numbered(1_000, (number) => ({ number: from + number, due })))
    await expect.poll(() => outputs(bus), { timeout: 60_000 }).toBe(count)
    await expect.poll(async () => (await figuresOf(bus, 'timeout@1'))?.keys, { timeout: 5_000 }).toBe(0)
    expect(await storage.state.size({ name: 'timeout@1', partition: 0 })).toEqual({ keys: 0, bytes: 0 })
  })
})

test('a file that is full holds the processor up, and it goes on where it was', async () => {
  const path = temporaryPath()
  const roomy = await startedBus({ storage: sqliteStorage({ path }) })
  await roomy.publishMany(numbered(300))
  const noise = { type: 'noise', source: 'test', message: 'x'.repeat(8_000) }
  await roomy.publishMany(Array.from({ length: 200 }, () => noise))
  await roomy.stop()
  const logger = recordingLogger()
  // Smaller than it is: nothing more can be stored.
  const storage = sqliteStorage({ path, maxBytes: 2 ** 20 })
  const bus = await startedBus({ storage, workers: [echo({ batchEvents: 20 })], logger })
  const failed = () => logger.lines.some(({ message }) => message === 'A processor cannot commit')
  await expect.poll(failed, { timeout: 10_000 }).toBe(true)
  await bus.deleteMatching({ types: ['noise'] })
  await expect.poll(() => outputs(bus), { timeout: 20_000 }).toBe(300)
  const { events } = await bus.list({ filter: { types: ['out'] }, order: 'asc', limit: 1_000 })
  expect(events.map(({ data }) => data.count)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1))
})

test('a clock that is an hour late and one that is a day early change nothing of what comes out', async () => {
  const path = temporaryPath()
  const storeAt = (offsetMs: number) => sqliteStorage({ path, now: () => Date.now() + offsetMs })
  const start = (offsetMs: number) => {
    const now = () => Date.now() + offsetMs
    return startedBus({ storage: storeAt(offsetMs), now, workers: [lawProcessor({ leaseMs: 200 })] })
  }
  const late = await start(-3_600_000)
  const early = await start(86_400_000)
  for (const [batch, { afterMs, events }] of randomInputs(8, 120).entries()) {
    await sleep(afterMs / 8)
    const bus = batch % 3 === 0 ? early : late
    await bus.publishMany(events.map((event) => ({ ...event, source: 'law' })))
  }
  // Time goes on with the clock that is ahead, whoever ran the processor so far.
  await late.stop()
  const storage = storeAt(0)
  await storage.open()
  onTestFinished(() => storage.close())
  const { position } = await storage.head()
  await expect.poll(() => isDone(storage, position), { timeout: 30_000 }).toBe(true)
  await early.stop()
  const live = await readOutcome(storage)
  expect(live.outputs.length).toBeGreaterThan(100)
  // Over history, on another store that has the same events at the same times.
  const again = memoryStorage({ capacity: 100_000, now: () => recordedMs })
  let recordedMs = 0
  await again.open()
  for (const event of (await storage.read({ after: 0, limit: 10_000, filter: { types: ['law.*', 'noise'] } }))
    .events) {
    recordedMs = Date.parse(event.recorded_at)
    await again.append([
      { event, timestampMs: recordedMs, expiresAtMs: null, dataJson: JSON.stringify(event.data) },
    ])
  }
  recordedMs = Date.now() + 2 * 86_400_000
  const head = await again.head()
  await startedBus({ storage: again, now: () => recordedMs, workers: [lawProcessor()] })
  await expect.poll(() => isDone(again, head.position), { timeout: 30_000 }).toBe(true)
  const withoutIds = (outcome: typeof live) =>
    outcome.outputs.map((output) => JSON.stringify({ ...output, id: undefined })).toSorted()
  expect(withoutIds(await readOutcome(again))).toEqual(withoutIds(live))
  expect(outcomeOf([], (await readOutcome(again)).deadLetters)).toEqual(outcomeOf([], live.deadLetters))
})
