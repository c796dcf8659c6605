import { describe, expect, test, vi } from 'vitest'
import type { EventInput, HandlerContext, PublishedEvent } from '../../src/index.ts'
import { gate, recordingLogger, recordingMetrics, startedBus } from './setup.ts'

const info: EventInput<'info'> = { type: 'info', source: 'test' }
const numbered = (count: number): EventInput[] =>
  Array.from({ length: count }, (_, i) => ({ type: 'x', source: 'test', id: `${i}`, data: { key: i % 3 } }))
const quick = { attempts: 3, minDelayMs: 1, maxDelayMs: 2 }

describe('subscriptions', () => {
  test('get matching events in order, by type, wildcard and filter', async () => {
    const bus = await startedBus()
    const seen: Record<string, string[]> = { exact: [], wildcard: [], all: [], filtered: [] }
    await bus.subscribe('scan.started', (event) => seen.exact?.push(event.type))
    await bus.subscribe(['scan.*', 'info'], (event) => seen.wildcard?.push(event.type))
    await bus.subscribe('*', (event) => seen.all?.push(event.type))
    await bus.subscribe({ sources: ['plugin:*'], minPriority: 10 }, (event) =>
      seen.filtered?.push(event.type),
    )
    for (const type of ['scan.started', 'scan.deep.down', 'scanner', 'info', 'scan']) {
      await bus.publish({ type, source: 'test' })
      await bus.publish({ type, source: 'plugin:a', priority: type === 'scanner' ? 20 : 1 })
    }
    await expect.poll(() => seen.all?.length).toBe(10)
    expect(seen).toEqual({
      exact: ['scan.started', 'scan.started'],
      wildcard: ['scan.started', 'scan.started', 'scan.deep.down', 'scan.deep.down', 'info', 'info'],
      all: ['scan.started', 'scan.deep.down', 'scanner', 'info', 'scan'].flatMap((type) => [type, type]),
      filtered: ['scanner'],
    })
  })

  test('created after a type occurred get it too, and nothing after unsubscribe', async () => {
    const bus = await startedBus()
    await bus.publish(info)
    const seen: string[] = []
    const subscription = await bus.subscribe('*', (event) => seen.push(event.id))
    const { id } = await bus.publish(info)
    await expect.poll(() => seen).toEqual([id])
    await subscription.unsubscribe()
    await subscription.unsubscribe()
    await bus.publish(info)
    expect(bus.subscriptions()).toEqual([])
    expect(seen).toEqual([id])
  })

  test('an invalid filter or option is rejected', async () => {
    const bus = await startedBus()
    await expect(bus.subscribe({ types: ['a.*.b'] }, () => 1)).rejects.toMatchObject({
      code: 'EVENTS_INVALID',
    })
    await expect(bus.subscribe('*', () => 1, { concurency: 2 } as object)).rejects.toThrow(
      /concurency is not a known/,
    )
    expect(bus.subscriptions()).toEqual([])
  })

  test('leave nothing behind once they have ended', async () => {
    const bus = await startedBus()
    await bus.publish(info)
    for (let i = 0; i < 10_000; i++) await (await bus.subscribe('*', () => 1)).unsubscribe()
    expect(bus.subscriptions()).toEqual([])
  })

  test('keep working when publishers invent types without end', async () => {
    const bus = await startedBus()
    let seen = 0
    await bus.subscribe('made.up.*', () => seen++, { queueEvents: 50_000 })
    for (let i = 0; i < 25; i++) {
      const types = Array.from({ length: 1_000 }, (_, n) => ({ type: `made.up.${i}_${n}`, source: 'test' }))
      await bus.publishMany(types)
    }
    await expect.poll(() => seen).toBe(25_000)
  })

  test('are listed with what they have done', async () => {
    const bus = await startedBus()
    await bus.subscribe({ types: ['info'], tags: ['a'] }, () => 1, { name: 'lister', subscriber: 'a test' })
    await bus.publish({ ...info, tags: ['a'] })
    await bus.publish(info)
    await expect.poll(() => bus.subscriptions()[0]?.trigger_count).toBe(1)
    expect(bus.subscriptions()).toEqual([
      {
        id: 'subscription-1',
        name: 'lister',
        subscriber: 'a test',
        filter: { types: ['info'], tags: ['a'] },
        durable: false,
        state: 'running',
        created: expect.stringMatching(/Z$/),
        last_triggered: expect.stringMatching(/Z$/),
        trigger_count: 1,
        lag: 0,
        in_flight: 0,
        dropped: 0,
        errors: 0,
      },
    ])
  })

  test('are listed with the time of their last call', async () => {
    let nowMs = Date.parse('2030-01-31T12:00:00.000Z')
    const bus = await startedBus({ now: () => nowMs })
    await bus.subscribe('*', () => 1)
    const { created } = bus.subscriptions()[0] ?? {}
    nowMs += 1_000
    await bus.publish(info)
    await expect.poll(() => bus.subscriptions()[0]?.last_triggered).toBe('2030-01-31T12:00:01.000Z')
    nowMs += 1_000
    await bus.publishMany(numbered(40))
    await expect.poll(() => bus.subscriptions()[0]?.trigger_count).toBe(41)
    expect(bus.subscriptions()[0]).toMatchObject({ created, last_triggered: '2030-01-31T12:00:02.000Z' })
  })
})

describe('a handler', () => {
  test('that never settles delays no other, is shown as in flight, and times out', async () => {
    const bus = await startedBus()
    const signals: AbortSignal[] = []
    const hang = (_: PublishedEvent, context: HandlerContext) => {
      signals.push(context.signal)
      return new Promise(() => undefined)
    }
    await bus.subscribe('*', hang, {
      name: 'hanging',
      handlerTimeoutMs: 60,
      retry: { attempts: 2, minDelayMs: 1 },
    })
    const seen: string[] = []
    await bus.subscribe('*', (event) => seen.push(event.id))
    await bus.publishMany(numbered(100))
    await expect.poll(() => seen.length).toBe(100)
    expect(bus.subscriptions()[0]).toMatchObject({ in_flight: 1, lag: 99 })
    await expect.poll(() => signals.length).toBeGreaterThan(2)
    expect(signals[0]?.reason).toMatchObject({ code: 'EVENTS_HANDLER_TIMEOUT' })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws nothing at all',
      () => {
        throw undefined
      },
    ],
  ])('that %s is called exactly `attempts` times, then the next event follows', async (_, fail) => {
    const metrics = recordingMetrics()
    const logger = recordingLogger()
    const bus = await startedBus({ metrics, logger })
    const calls: [string, number][] = []
    const handler = (event: PublishedEvent, { attempt }: HandlerContext) => {
      calls.push([event.id, attempt])
      return event.id === '0' ? fail() : undefined
    }
    await bus.subscribe('x', handler, { name: 'failing', retry: quick })
    await bus.publishMany(numbered(2))
    await expect
      .poll(() => calls)
      .toEqual([
        ['0', 1],
        ['0', 2],
        ['0', 3],
        ['1', 1],
      ])
    expect(metrics.calls.filter(([name]) => name === 'handlerError')).toHaveLength(3)
    expect(metrics.calls.filter(([name]) => name === 'delivered')).toHaveLength(1)
    expect(logger.lines.map((line) => line.level)).toEqual(['warn', 'warn', 'error'])
  })

  test('that succeeds on the second call is not called a third time', async () => {
    const bus = await startedBus()
    const handler = vi.fn().mockRejectedValueOnce(new Error('no')).mockResolvedValue('yes')
    await bus.subscribe('x', handler, { retry: quick })
    await bus.publishMany(numbered(2))
    await expect.poll(() => handler.mock.calls.length).toBe(3)
    expect(bus.subscriptions()[0]).toMatchObject({ errors: 1, trigger_count: 2, in_flight: 0 })
  })

  test('that settles after its timeout is not counted twice', async () => {
    const metrics = recordingMetrics()
    const bus = await startedBus({ metrics })
    const { opened, open } = gate()
    await bus.subscribe('x', () => opened, { handlerTimeoutMs: 20, retry: { attempts: 1 } })
    await bus.publishMany(numbered(1))
    await expect.poll(() => bus.subscriptions()[0]?.errors).toBe(1)
    open()
    await new Promise((resolve) => setImmediate(resolve))
    expect(metrics.calls.filter(([name]) => name === 'delivered')).toHaveLength(0)
  })

  test('may unsubscribe itself', async () => {
    const bus = await startedBus()
    const seen: string[] = []
    await bus.subscribe('x', async (event, { subscription }) => {
      seen.push(event.id)
      await subscription.unsubscribe()
    })
    await bus.publishMany(numbered(5))
    await bus.publish({ type: 'x', source: 'test' })
    expect(seen).toEqual(['0'])
    expect(bus.subscriptions()).toEqual([])
  })

  test('may publish, without deadlock and without overtaking', async () => {
    const bus = await startedBus()
    const seen: string[] = []
    await bus.subscribe('x', async (event) => {
      await bus.publish({ type: 'answer', source: 'test', id: `answer ${event.id}` })
    })
    await bus.subscribe('*', (event) => seen.push(event.id))
    await bus.publishMany(numbered(3))
    await expect.poll(() => seen).toEqual(['0', '1', '2', 'answer 0', 'answer 1', 'answer 2'])
  })

  test('that is busy for long lets the rest of the process work', async () => {
    const bus = await startedBus()
    let handled = 0
    const busy = () => {
      for (const until = performance.now() + 0.1; performance.now() < until; );
      handled++
    }
    await bus.subscribe('x', busy)
    const seenAtTurn: number[] = []
    await bus.publishMany(numbered(1_000))
    setImmediate(() => seenAtTurn.push(handled))
    await expect.poll(() => handled).toBe(1_000)
    expect(seenAtTurn[0]).toBeLessThan(1_000)
  })
})

describe('a full queue', () => {
  async function overrun(onQueueFull: 'drop-oldest' | 'drop-newest' | 'disconnect') {
    const metrics = recordingMetrics()
    const bus = await startedBus({ metrics })
    const { opened, open } = gate()
    const seen: string[] = []
    const ends: string[] = []
    const handler = async (event: PublishedEvent) => {
      await opened
      seen.push(event.id)
    }
    await bus.subscribe('x', handler, { queueEvents: 2, onQueueFull, onEnd: (reason) => ends.push(reason) })
    await bus.publish({ type: 'x', source: 'test', id: 'first' })
    await bus.publishMany(numbered(4))
    const [info] = bus.subscriptions()
    const health = await bus.health()
    open()
    await new Promise((resolve) => setTimeout(resolve, 10))
    const drops = metrics.calls.filter(([name]) => name === 'dropped')
    return { seen, ends, info, health, drops }
  }

  test("with 'drop-oldest' keeps the newest and counts each loss", async () => {
    const { seen, info, health, drops } = await overrun('drop-oldest')
    expect(seen).toEqual(['first', '2', '3'])
    expect(info?.dropped).toBe(2)
    expect(drops).toEqual([
      ['dropped', 'queue_full', 1],
      ['dropped', 'queue_full', 1],
    ])
    expect(health).toMatchObject({ status: 'degraded', checks: { subscriptions: { status: 'degraded' } } })
  })

  test("with 'drop-newest' keeps the waiting events", async () => {
    expect((await overrun('drop-newest')).seen).toEqual(['first', '0', '1'])
  })

  test("with 'disconnect' ends the subscription and reports it once", async () => {
    const { seen, ends, info, drops } = await overrun('disconnect')
    expect(ends).toEqual(['queue_full'])
    expect(info).toBeUndefined()
    expect(seen).toEqual(['first'])
    expect(drops).toHaveLength(1)
  })
})

describe('concurrency', () => {
  test('is used and never exceeded', async () => {
    const bus = await startedBus()
    let running = 0
    let most = 0
    const handler = async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 1))
      running--
    }
    await bus.subscribe('x', handler, { concurrency: 7 })
    await bus.publishMany(numbered(50))
    await expect.poll(() => bus.subscriptions()[0]?.trigger_count).toBe(50)
    expect(most).toBe(7)
  })

  test('with orderBy keeps the order of each key, while keys run in parallel', async () => {
    const bus = await startedBus()
    const seen = new Map<unknown, number[]>()
    const busy = new Set<unknown>()
    let sideBySide = 0
    let overtaken = 0
    const handler = async (event: PublishedEvent) => {
      const { key } = event.data
      if (busy.has(key)) overtaken++
      busy.add(key)
      sideBySide = Math.max(sideBySide, busy.size)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
      busy.delete(key)
      seen.set(key, [...(seen.get(key) ?? []), Number(event.id)])
    }
    await bus.subscribe('x', handler, { concurrency: 8, orderBy: (event) => String(event.data.key) })
    await bus.publishMany(numbered(90))
    await expect.poll(() => bus.subscriptions()[0]).toMatchObject({ trigger_count: 90, in_flight: 0, lag: 0 })
    expect(overtaken).toBe(0)
    expect(sideBySide).toBe(3)
    for (const ids of seen.values()) expect(ids).toEqual(ids.toSorted((a, b) => a - b))
  })

  test('with an orderBy that throws logs the error and handles the event without a key', async () => {
    const logger = recordingLogger()
    const bus = await startedBus({ logger })
    const orderBy = () => {
      throw new Error('no key')
    }
    await bus.subscribe('x', () => 1, { concurrency: 2, orderBy })
    await bus.publishMany(numbered(1))
    await expect.poll(() => bus.subscriptions()[0]?.trigger_count).toBe(1)
    expect(logger.lines[0]?.message).toBe('orderBy failed')
  })
})

describe('ttl', () => {
  test('an event that expires while waiting is not delivered, but counted', async () => {
    let now = 1_000_000
    const metrics = recordingMetrics()
    const bus = await startedBus({ now: () => now, metrics })
    const { opened, open } = gate()
    const seen: string[] = []
    await bus.subscribe('x', async (event) => {
      seen.push(event.id)
      await opened
    })
    await bus.publishMany([
      { type: 'x', source: 'test', id: 'first' },
      { type: 'x', source: 'test', id: 'short', ttl: 10 },
      { type: 'x', source: 'test', id: 'long', ttl: 10_000 },
    ])
    await expect.poll(() => seen).toEqual(['first'])
    now += 10
    open()
    await expect.poll(() => seen).toEqual(['first', 'long'])
    expect(metrics.calls).toContainEqual(['dropped', 'expired', 1])
  })

  test('expired events are swept from the store automatically', async () => {
    let now = 1_000_000
    const { memoryStorage } = await import('../../src/index.ts')
    const storage = memoryStorage({ now: () => now })
    const bus = await startedBus({ storage, now: () => now, sweepIntervalMs: 5 })
    await bus.publish({ ...info, id: 'short', ttl: 10 })
    now += 10
    expect(await bus.count()).toBe(0)
    // An id is taken until the sweep, so a free id shows that the sweep ran.
    await expect
      .poll(async () => (await bus.publish({ ...info, id: 'short', ttl: 10 })).duplicate)
      .toBe(false)
  })
})

describe('unsubscribing', () => {
  test('ends retries: a failed event is not retried afterwards', async () => {
    const bus = await startedBus()
    const handler = vi.fn().mockRejectedValue(new Error('no'))
    const subscription = await bus.subscribe('x', handler, { retry: { attempts: 5, minDelayMs: 5 } })
    await bus.publishMany(numbered(2))
    await expect.poll(() => handler.mock.calls.length).toBe(1)
    await subscription.unsubscribe()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(handler.mock.calls.length).toBe(1)
  })
})

describe('a subscriber’s code', () => {
  test('that throws when its subscription ends disturbs no publisher, and is logged', async () => {
    const logger = recordingLogger()
    const bus = await startedBus({ logger })
    const onEnd = () => {
      throw new Error('no')
    }
    const stuck = () => new Promise(() => undefined)
    await bus.subscribe('x', stuck, { queueEvents: 1, onQueueFull: 'disconnect', onEnd })
    const receipts = await Promise.all(numbered(10).map((input) => bus.publish(input)))
    expect(receipts).toHaveLength(10)
    expect(logger.lines.map((line) => line.message)).toContain('onEnd failed')
  })

  test.each([
    [
      'whose then cannot be read',
      () =>
        Object.defineProperty({}, 'then', {
          get: () => {
            throw new Error('no')
          },
        }),
    ],
    [
      'whose then throws',
      () =>
        Object.defineProperty({}, 'then', {
          value: () => {
            throw new Error('no')
          },
        }),
    ],
  ])('that returns a value %s has failed, with no other effect', async (_, answer) => {
    const bus = await startedBus()
    await bus.subscribe('x', answer, { retry: { attempts: 1 } })
    await bus.publishMany(numbered(2))
    await expect.poll(() => bus.subscriptions()[0]).toMatchObject({ errors: 2, in_flight: 0 })
  })

  test('that settles late, after its call was retried, does not count for the second attempt', async () => {
    const bus = await startedBus()
    const { opened, open } = gate()
    const handler = (_: PublishedEvent, { attempt }: HandlerContext) =>
      attempt === 1 ? opened : new Promise(() => undefined)
    await bus.subscribe('x', handler, {
      handlerTimeoutMs: 300,
      retry: { attempts: 2, minDelayMs: 1, maxDelayMs: 1 },
    })
    await bus.publishMany(numbered(1))
    await expect.poll(() => bus.subscriptions()[0]?.errors).toBe(1)
    open()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(bus.subscriptions()[0]).toMatchObject({ in_flight: 1 })
  })
})
