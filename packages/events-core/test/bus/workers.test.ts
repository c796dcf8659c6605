import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import {
  type BusHost,
  type BusWorker,
  createEventBus,
  type HandlerContext,
  memoryStorage,
  type PublishedEvent,
  type WorkerGauges,
} from '../../src/index.ts'
import { jobRunner } from '../../src/jobs/index.ts'
import { prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { bound, recordingLogger, startedBus } from './setup.ts'

/** Creates a worker that keeps its host and records its calls. */
function recorder(name: string, more: Partial<BusWorker> = {}) {
  const calls: string[] = []
  const hosts: BusHost[] = []
  const worker: BusWorker = {
    name,
    start: (host) => {
      calls.push('start')
      hosts.push(host)
    },
    stop: async () => {
      calls.push('stop')
      return undefined
    },
    ...more,
  }
  return { worker, calls, hosts }
}

test('workers start and stop with the bus, each time', async () => {
  const { worker, calls } = recorder('mine')
  const bus = createEventBus({ workers: [worker] })
  await bus.start()
  await bus.stop()
  await bus.start()
  await bus.stop()
  expect(calls).toEqual(['start', 'stop', 'start', 'stop'])
})

test('a worker added later starts at once and can be stopped by itself', async () => {
  const bus = await startedBus()
  const { worker, calls } = recorder('later')
  const running = await bus.run(worker)
  await expect(bus.run(worker)).rejects.toMatchObject({ code: 'EVENTS_CONFLICT' })
  await running.stop()
  await bus.run(worker)
  await bus.stop()
  expect(calls).toEqual(['start', 'stop', 'start', 'stop'])
})

test('a worker that cannot start prevents the bus from starting, and earlier workers are stopped', async () => {
  const first = recorder('first')
  let fails = true
  const start = () => {
    if (fails) throw new Error('no')
  }
  const second = recorder('second', { start })
  const bus = createEventBus({ workers: [first.worker, second.worker] })
  await expect(bus.start()).rejects.toThrow('no')
  expect(first.calls).toEqual(['start', 'stop'])
  fails = false
  await bus.start()
  expect(bus.running).toBe(true)
  await bus.stop()
})

test('health, gauges and subscriptions include workers; one whose figures throw costs only those', async () => {
  const told = recorder('told', {
    check: () => ({ status: 'degraded', detail: 'tired', runs: 3 }),
    subscriptions: () => [],
  })
  const fail = () => {
    throw new Error('broken')
  }
  const broken = recorder('broken', { check: fail, gauges: fail, subscriptions: fail })
  const logger = recordingLogger()
  const bus = await startedBus({ workers: [told.worker, broken.worker], logger })
  const { status, checks } = await bus.health()
  expect({ status, told: checks.told, broken: checks.broken }).toEqual({
    status: 'degraded',
    told: { status: 'degraded', detail: 'tired', runs: 3 },
    broken: { status: 'degraded', detail: 'broken' },
  })
  expect(bus.subscriptions()).toEqual([])
  expect(logger.lines.map(({ message }) => message)).toContain('Cannot read the figures of a worker')
})

test('lag, last run and figures of a worker are in health and in metrics', async () => {
  const register = new Registry()
  const gauges = () => ({
    lag: new Map([
      ['a', 2],
      ['b', 3],
    ]),
    lastRunMs: Date.UTC(2030, 0, 1),
    figures: { keys: 7 },
  })
  const { worker } = recorder('mine', { gauges })
  const bus = await startedBus({ workers: [worker], metrics: prometheusMetrics({ register }) })
  expect((await bus.health()).checks.mine).toEqual({
    status: 'ok',
    lag: 5,
    last_run: '2030-01-01T00:00:00.000Z',
    keys: 7,
  })
  const text = await register.metrics()
  expect(text).toContain('viewra_events_subscription_lag{subscription="b"} 3\n')
  expect(text).toContain('viewra_events_worker_last_run_timestamp_seconds{worker="mine"} 1893456000\n')
  expect(text).toContain('viewra_events_worker_figure{worker="mine",figure="keys"} 7\n')
})

test.each<[string, object]>([
  ['a figure that is not a number', { figures: { keys: 'many' } }],
  ['a lag that is not a map', { lag: 5 }],
  ['a last run that is no time', { lastRunMs: 1e300 }],
  ['nothing but a number', Object(5)],
])('a worker that reports %s keeps neither health nor metrics from the rest', async (_, reported) => {
  const register = new Registry()
  // Callers without types may return this.
  const lying = recorder('lying', { gauges: () => reported as WorkerGauges })
  const bus = await startedBus({ workers: [lying.worker], metrics: prometheusMetrics({ register }) })
  expect((await bus.health()).checks).toHaveProperty('lying')
  expect(await register.metrics()).toContain('viewra_events_buffer_events 0\n')
})

test('the workers of the bus itself report when they last did something', async () => {
  const bus = await startedBus({ sweepIntervalMs: 10, workers: [jobRunner({ kinds: [] })] })
  await bus.subscribe('a', () => undefined, { durable: 'd', from: 'beginning' })
  await bus.publish({ type: 'a', source: 'test' })
  const time = expect.stringMatching(/^20\d\d-.*Z$/)
  await expect
    .poll(async () => (await bus.health()).checks)
    .toMatchObject({
      sweeper: { status: 'ok', last_run: time },
      subscriptions: { status: 'ok', active: 1, lag: 0, last_run: time },
      jobs: { status: 'ok', running: 0, waiting: 0, last_run: time },
    })
})

test('a worker whose stop hangs or throws does not prevent the bus from stopping', async () => {
  const hangs = recorder('hangs', { stop: () => new Promise(() => undefined) })
  const throws = recorder('throws', {
    stop: async () => {
      throw new Error('no')
    },
  })
  const bus = createEventBus({ workers: [hangs.worker, throws.worker] })
  await bus.start()
  expect(await bus.stop({ timeoutMs: 50 })).toMatchObject({ closed: true })
})

test('reserved names and invalid workers are rejected', async () => {
  const wrong: unknown = { name: 'x' }
  expect(() => createEventBus({ workers: [recorder('storage').worker] })).toThrow(/already has a worker/)
  // Possible for callers without types.
  expect(() => createEventBus({ workers: [wrong as BusWorker] })).toThrow(/workers/)
})

test('a worker publishes while the bus waits for it to stop', async () => {
  const published: unknown[] = []
  const { worker, hosts } = recorder('last words', {
    stop: async () => {
      published.push(await hosts[0]?.publish({ type: 'a', source: 'test' }))
      return { 'last words': 2 }
    },
  })
  const bus = createEventBus({ workers: [worker] })
  await bus.start()
  expect(await bus.stop()).toMatchObject({ drained: false, unhandled: { 'last words': 2 } })
  expect(published).toEqual([expect.objectContaining({ position: 1, duplicate: false })])
})

test.each(['all', 'none'] as const)(
  'a worker that outlasts its stop cannot publish any more (persist: %s)',
  async (persist) => {
    const { worker, hosts } = recorder('late', { stop: () => new Promise(() => undefined) })
    const bus = createEventBus({ workers: [worker], persist })
    await bus.start()
    await bus.stop({ timeoutMs: 20 })
    await expect(hosts[0]?.publish({ type: 'a', source: 'test' })).rejects.toMatchObject({
      code: 'EVENTS_NOT_RUNNING',
    })
  },
)

test('what a handler does to its context does not affect the bus', async () => {
  const bus = await startedBus()
  const attempts: number[] = []
  const spoil = (_: PublishedEvent, context: HandlerContext) => {
    attempts.push(context.attempt)
    // Handlers without types may try.
    Reflect.set(context, 'attempt', 99)
    throw new Error('again')
  }
  await bus.subscribe('a', spoil, { retry: { attempts: 3, minDelayMs: 1 } })
  await bus.publish({ type: 'a', source: 'test' })
  await expect.poll(() => attempts).toEqual([1, 2, 3])
})

test('a hundred caught-up durable subscriptions do not read the log a hundred times', async () => {
  const storage = memoryStorage()
  let reads = 0
  const counting = {
    ...bound(storage),
    read: (...args: Parameters<typeof storage.read>) => {
      reads++
      return storage.read(...args)
    },
  }
  const bus = await startedBus({ storage: counting })
  let handled = 0
  for (let number = 0; number < 100; number++) {
    const types = number % 2 === 0 ? ['a'] : ['a', 'b']
    await bus.subscribe({ types }, () => handled++, { durable: `d${number}`, from: 'beginning' })
  }
  await bus.publish({ type: 'a', source: 'test' })
  await expect.poll(() => handled, { timeout: 10_000 }).toBe(100)
  const before = reads
  for (let number = 0; number < 50; number++) await bus.publish({ type: 'a', source: 'test' })
  await expect.poll(() => handled, { timeout: 10_000 }).toBe(5_100)
  expect(reads - before).toBe(0)
  // Once both have advanced, events between their positions are read by no reader.
  await expect
    .poll(async () => (await bus.durable.list()).every(({ position }) => position === 51))
    .toBe(true)
})
