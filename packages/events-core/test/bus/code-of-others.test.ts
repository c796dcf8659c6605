import { describe, expect, test } from 'vitest'
import {
  createEventBus,
  type EventBus,
  type EventBusOptions,
  type EventMetrics,
  type HandlerContext,
  type Logger,
  memoryStorage,
} from '../../src/index.ts'
import { bound, recordingLogger, recordingMetrics, startedBus, storageWithAppend } from './setup.ts'

// An unhandled rejection or an uncaught error fails the whole run of this file.

const info = { type: 'info', source: 'test' } as const
const retry = { attempts: 2, minDelayMs: 1 }

const fail = (): never => {
  throw new Error('code of others')
}
const reject = () => Promise.reject(new Error('code of others'))

const brokenLogger = (log: () => unknown): Logger =>
  ({ info: log, warn: log, error: log }) as unknown as Logger

function brokenMetrics(measure: () => unknown): EventMetrics {
  const { calls: _, ...methods } = recordingMetrics()
  return Object.fromEntries(Object.keys(methods).map((name) => [name, measure])) as unknown as EventMetrics
}

/** Errors whose inspection throws, for each way of inspecting them. */
const HOSTILE_ERRORS: readonly [string, unknown][] = [
  ...['stack', 'message', 'name', 'cause', 'toString', Symbol.toPrimitive].map(
    (property): [string, unknown] => [
      `an error whose ${String(property)} throws`,
      Object.defineProperty(new Error('odd'), property, { get: fail }),
    ],
  ),
  ['a proxy that throws', new Proxy({}, { get: fail, has: fail, getPrototypeOf: fail, ownKeys: fail })],
  ['an object without a prototype', Object.create(null)],
  ['a symbol', Symbol('odd')],
  ['an object whose message is an object', Object.assign(new Error(), { message: { toString: fail } })],
]

/** Makes a live and a durable handler fail once with `odd`, and expects that both handle the next event. */
async function surviveFailure(bus: EventBus, odd: unknown): Promise<void> {
  const seen: string[] = []
  const handler = (kind: string) => async (event: { id: string }) => {
    if (event.id === 'bad') throw odd
    seen.push(`${kind} ${event.id}`)
  }
  await bus.subscribe('info', handler('live'), { retry })
  await bus.subscribe('info', handler('durable'), { durable: 'd', from: 'beginning', retry })
  await bus.publish({ ...info, id: 'bad' })
  await bus.publish({ ...info, id: 'good' })
  await expect.poll(() => seen.toSorted()).toEqual(['durable good', 'live good'])
  await expect.poll(async () => (await bus.deadLetters.list({ limit: 10 })).total).toBe(1)
  for (const { in_flight } of bus.subscriptions()) expect(in_flight).toBe(0)
}

describe('an error that a handler throws', () => {
  test.each(HOSTILE_ERRORS)(
    'may be %s: it causes one dead letter, and the next event follows',
    async (_, odd) => {
      const logger = recordingLogger()
      const bus = await startedBus({ logger })
      await surviveFailure(bus, odd)
      const [letter] = (await bus.deadLetters.list({ limit: 1 })).deadLetters
      expect(letter?.error).toEqual(expect.any(String))
      expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(2)
    },
  )

  test('may be a promise whose then throws', async () => {
    const bus = await startedBus()
    await bus.subscribe('info', () => Object.defineProperty(Promise.resolve(), 'then', { value: fail }), {
      retry,
    })
    await bus.publish(info)
    await expect.poll(() => bus.subscriptions()[0]).toMatchObject({ errors: 2, in_flight: 0 })
  })
})

describe('a logger or metrics', () => {
  test.each<[string, EventBusOptions]>([
    ['a logger that throws', { logger: brokenLogger(fail) }],
    ['a logger that rejects', { logger: brokenLogger(reject) }],
    ['metrics that throw', { metrics: brokenMetrics(fail) }],
    ['metrics that reject', { metrics: brokenMetrics(reject) }],
    ['both that throw', { logger: brokenLogger(fail), metrics: brokenMetrics(fail) }],
  ])('no event is lost with %s', async (_, options) => {
    const bus = await startedBus({ ...options, bufferEvents: 5, overflow: 'drop-newest' })
    await surviveFailure(bus, new Error('odd'))
    for (let n = 0; n < 10; n++) bus.publishAsync(info)
    expect(await bus.stop()).toMatchObject({ drained: true, closed: true })
  })

  test('that throws is reported by the other, at limited intervals', async () => {
    const logger = recordingLogger()
    const bus = await startedBus({ logger, metrics: brokenMetrics(fail) })
    for (let n = 0; n < 10; n++) await bus.publish(info)
    const told = logger.lines.filter(({ message }) => message.startsWith('Metrics failed'))
    expect(told).toHaveLength(1)
  })

  test('with accessors that throw is refused with its name', () => {
    const logger = Object.defineProperty(brokenLogger(fail), 'warn', { get: fail })
    expect(() => createEventBus({ logger })).toThrow(
      expect.objectContaining({ code: 'EVENTS_INVALID', message: expect.stringContaining('logger must be') }),
    )
  })

  test('that cannot write an error gets a description of it', async () => {
    const lines: unknown[] = []
    const write = (details: { err: Error }) => lines.push({ stack: details.err.stack, ...details })
    const bus = await startedBus({ logger: brokenLogger(write as never) })
    await bus.subscribe(
      'info',
      () => {
        throw Object.defineProperty(new Error('odd'), 'stack', { get: fail })
      },
      { retry: { attempts: 1 } },
    )
    await bus.publish(info)
    await expect.poll(() => lines).toMatchObject([{ err: { type: 'Error', message: 'odd', stack: null } }])
  })
})

describe('a callback of the bus', () => {
  test.each([
    ['throws', fail],
    ['is no time', () => Number.NaN],
    ['is a promise', reject as never],
    ['is out of range', () => 1e300],
  ])('a clock that %s is replaced by the system time', async (_, now) => {
    const logger = recordingLogger()
    const bus = await startedBus({ logger, now })
    const before = new Date().toISOString()
    await surviveFailure(bus, new Error('odd'))
    const { id } = await bus.publish({ ...info, ttl: 60_000 })
    expect((await bus.get(id))?.timestamp.slice(0, 16)).toBe(before.slice(0, 16))
    expect(logger.lines.some(({ message }) => message.startsWith('The clock of the bus failed'))).toBe(true)
  })

  test.each([
    ['throws', fail],
    ['rejects', reject as never],
  ])('a persist function that %s stores the event', async (_, persist) => {
    const logger = recordingLogger()
    const bus = await startedBus({ logger, persist })
    expect(await bus.publish(info)).toMatchObject({ position: 1 })
    expect(await bus.publishMany([info, info])).toMatchObject([{ position: 2 }, { position: 3 }])
    bus.publishAsync(info)
    await expect.poll(() => bus.count()).toBe(4)
    expect(logger.lines.map(({ message }) => message)).toEqual(['persist failed; storing the event'])
  })

  test('a persist function cannot change the event', async () => {
    const bus = await startedBus({ persist: (event) => Reflect.set(event, 'type', 'other') || true })
    const { id } = await bus.publish(info)
    expect(await bus.get(id)).toMatchObject({ type: 'info' })
  })

  test('a registry that throws or returns nonsense leaves the type unknown', async () => {
    const broken = { get: fail, list: fail, check: fail, register: fail }
    const lying = { ...broken, get: () => ({ priority: 'most' }), list: () => 7, check: () => 7 }
    for (const registry of [broken, lying]) {
      const bus = await startedBus({ registry: registry as never })
      const { id } = await bus.publish(info)
      expect(await bus.get(id)).toMatchObject({ priority: 5 })
      expect(await bus.types()).toEqual(['info'])
      expect(bus.registry).toBe(registry)
    }
  })
})

describe('a callback of a subscription', () => {
  const hostileKeys: readonly [string, () => never][] = [
    ['throws', fail],
    ['rejects', reject as never],
    ['is without a text', () => Object.create(null) as never],
    ...HOSTILE_ERRORS.map(([name, odd]): [string, () => never] => [
      `throws ${name}`,
      () => {
        throw odd
      },
    ]),
  ]
  test.each(hostileKeys)(
    'an orderBy that %s is logged, and the event handled without a key',
    async (_, orderBy) => {
      const logger = recordingLogger()
      const bus = await startedBus({ logger })
      const seen: string[] = []
      const options = { concurrency: 2, orderBy }
      await bus.subscribe('info', () => seen.push('live'), options)
      await bus.subscribe('info', () => seen.push('durable'), { ...options, durable: 'd', partitions: 2 })
      await bus.publish(info)
      await expect.poll(() => seen.toSorted()).toEqual(['durable', 'live'])
      expect(logger.lines.some(({ message }) => message === 'orderBy failed')).toBe(true)
    },
  )

  test.each([
    ['throws', fail],
    ['rejects', reject as never],
  ])('an onEnd that %s is logged, and the stop continues', async (_, onEnd) => {
    const logger = recordingLogger()
    const bus = await startedBus({ logger })
    await bus.subscribe('info', () => 1, { onEnd })
    await bus.subscribe('info', () => 1, { onEnd, durable: 'd' })
    expect(await bus.stop()).toMatchObject({ drained: true })
    await expect.poll(() => logger.lines.filter(({ message }) => message === 'onEnd failed')).toHaveLength(2)
  })

  test('a stream’s onNotice that throws is logged, and the stream continues', async () => {
    const logger = recordingLogger()
    const bus = await startedBus({ logger })
    await bus.publish({ ...info, id: 'first' })
    const stream = bus.stream({}, { from: 'beginning', onNotice: fail })
    expect((await stream.next()).value).toMatchObject({ id: 'first' })
    const next = stream.next()
    await bus.publish({ ...info, id: 'second' })
    expect((await next).value).toMatchObject({ id: 'second' })
    expect(logger.lines.map(({ message }) => message)).toEqual(['The onNotice callback of a stream failed'])
    await stream.return()
  })

  test('cannot change its arguments, for itself or for others', async () => {
    const bus = await startedBus()
    const attempts: number[] = []
    const meddle = (_: unknown, context: HandlerContext) => {
      attempts.push(context.attempt)
      for (const name of ['attempt', 'signal', 'subscription', 'event', 'key', 'place'])
        Reflect.set(context, name, 99)
      throw new Error('odd')
    }
    await bus.subscribe('info', meddle, { retry: { attempts: 3, minDelayMs: 1 } })
    await bus.publish(info)
    await expect.poll(() => bus.subscriptions()[0]).toMatchObject({ errors: 3, in_flight: 0 })
    expect(attempts).toEqual([1, 2, 3])
  })

  test('gets a signal that is aborted at the end, even if it is first read afterwards', async () => {
    const bus = await startedBus()
    const contexts: HandlerContext[] = []
    const hang = (_: unknown, context: HandlerContext) => {
      contexts.push(context)
      return new Promise(() => undefined)
    }
    await bus.subscribe('info', hang, { handlerTimeoutMs: 5, retry })
    await bus.publish(info)
    await expect.poll(() => bus.subscriptions()[0]?.errors).toBe(2)
    expect(contexts.map(({ attempt, signal }) => [attempt, signal.aborted])).toEqual([
      [1, true],
      [2, true],
    ])
  })
})

describe('a third-party store', () => {
  test.each(HOSTILE_ERRORS)(
    'may fail with %s: the publisher is told, and the next event goes on',
    async (_, odd) => {
      let isBroken = true
      const storage = storageWithAppend(async (append, records) => {
        if (isBroken) throw odd
        return append(records)
      })
      const bus = await startedBus({ storage })
      await expect(bus.publish(info)).rejects.toMatchObject({ code: 'EVENTS_STORAGE_FAILED' })
      expect(await bus.health()).toMatchObject({ status: 'down' })
      isBroken = false
      expect(await bus.publish(info)).toMatchObject({ position: 1 })
      expect(await bus.health()).toMatchObject({ status: 'ok' })
    },
  )

  test.each([
    ['no receipts', []],
    ['receipts without positions', [{}]],
    ['too many receipts', [{ position: 1 }, { position: 2 }]],
  ])('that returns %s has not stored the event', async (_, receipts) => {
    const storage = storageWithAppend(async () => ({ recordedAt: '', receipts }) as never)
    const bus = await startedBus({ storage })
    await expect(bus.publish(info)).rejects.toMatchObject({
      code: 'EVENTS_STORAGE_FAILED',
      cause: { message: expect.stringContaining('must return a receipt') },
    })
  })

  test('may throw where it should return a promise', async () => {
    const logger = recordingLogger()
    const storage = {
      ...bound(memoryStorage()),
      watch: fail,
      isListening: fail,
      count: fail,
      sweepExpired: fail,
      close: fail,
    }
    const gauges: Parameters<EventMetrics['attach']>[0][] = []
    const metrics = { ...recordingMetrics(), attach: (read: () => never) => void gauges.push(read) as never }
    const bus = createEventBus({ storage, logger, metrics, sweepIntervalMs: 1 })
    await bus.start()
    await bus.publish(info)
    expect(await bus.health()).toMatchObject({ checks: { storage: { status: 'down' } } })
    expect(gauges[0]?.()).toMatchObject({ isListening: undefined })
    expect(await gauges[0]?.().storedEvents()).toBeUndefined()
    await expect
      .poll(() => logger.lines.map(({ message }) => message))
      .toContain('Cannot remove expired events; retrying at the next sweep')
    expect(await bus.stop()).toMatchObject({ drained: true, closed: false })
  })
})
