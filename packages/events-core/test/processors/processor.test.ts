import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createEventBus,
  type EventBusOptions,
  EventsError,
  memoryStorage,
  type StoredEvent,
} from '../../src/index.ts'
import { type ProcessorDefinition, processor } from '../../src/processors/index.ts'
import { recordingLogger } from '../bus/setup.ts'

/** A started bus, stopped when the test ends. */
async function startedBus(options: EventBusOptions = {}) {
  const storage = options.storage ?? memoryStorage()
  const bus = createEventBus({ pollIntervalMs: 20, ...options, storage })
  await bus.start()
  onTestFinished(async () => {
    await bus.stop({ timeoutMs: 500 })
  })
  return bus
}

const key = (event: StoredEvent) => String(event.data.key ?? 'all')

/** Counts the events of each key, and tells each count. */
const counting = (more: Partial<ProcessorDefinition<number>> = {}) =>
  processor<number>('count', {
    filter: { types: ['in'] },
    revision: 1,
    from: 'beginning',
    key,
    step(event, state = 0, { set, emit }) {
      if (event.data.fail === true) throw new Error('no')
      set(state + 1)
      emit({ type: 'out', data: { key: key(event), count: state + 1 } })
    },
    ...more,
  })

const outputs = async (bus: Awaited<ReturnType<typeof startedBus>>, type = 'out') =>
  (await bus.list({ filter: { types: [type] }, order: 'asc', limit: 10_000 })).events

const publish = (
  bus: Awaited<ReturnType<typeof startedBus>>,
  ...data: Record<string, string | number | boolean>[]
) => bus.publishMany(data.map((fields) => ({ type: 'in', source: 'test', data: fields })))

describe('a processor', () => {
  test('keeps state per key and publishes what its steps emit', async () => {
    const bus = await startedBus({ workers: [counting()] })
    await publish(bus, { key: 'a' }, { key: 'b' }, { key: 'a' })
    await expect
      .poll(async () => (await outputs(bus)).map(({ data }) => data))
      .toEqual([
        { key: 'a', count: 1 },
        { key: 'b', count: 1 },
        { key: 'a', count: 2 },
      ])
    const [first] = await outputs(bus)
    const [cause] = await outputs(bus, 'in')
    expect(first).toMatchObject({
      source: 'processor:count',
      causation_id: cause?.id,
      timestamp: cause?.recorded_at,
    })
  })

  test('delivers its outputs to subscribers at once, and reports its figures', async () => {
    const bus = await startedBus({ workers: [counting()] })
    const seen: unknown[] = []
    await bus.subscribe('out', (event) => seen.push(event.data.count))
    await publish(bus, { key: 'a' })
    await expect.poll(() => seen).toEqual([1])
    expect(bus.subscriptions()).toContainEqual(
      expect.objectContaining({ name: 'count@1', durable: true, state: 'running', trigger_count: 1 }),
    )
    const time = expect.stringMatching(/^20\d\d-.*Z$/)
    expect((await bus.health()).checks['count@1']).toMatchObject({
      status: 'ok',
      keys: 1,
      errors: 0,
      lag: expect.any(Number),
      last_run: time,
    })
    expect(bus.subscriptions().find(({ name }) => name === 'count@1')?.last_triggered).toEqual(time)
    expect(await bus.durable.list()).toMatchObject([{ name: 'count@1', state: 'running' }])
  })

  test('resumes after a restart where it was', async () => {
    const storage = memoryStorage()
    const first = await startedBus({ storage, workers: [counting()] })
    await publish(first, { key: 'a' }, { key: 'a' })
    await expect.poll(async () => (await outputs(first)).length).toBe(2)
    await first.stop()
    const second = await startedBus({ storage, workers: [counting()] })
    await publish(second, { key: 'a' })
    await expect.poll(async () => (await outputs(second)).map(({ data }) => data.count)).toEqual([1, 2, 3])
  })

  test('gives the same ids when history is processed again', async () => {
    const bus = await startedBus({ workers: [counting()] })
    await publish(bus, { key: 'a' }, { key: 'b' })
    await expect.poll(async () => (await outputs(bus)).length).toBe(2)
    const before = await outputs(bus)
    await bus.durable.reset('count@1', 'beginning')
    await publish(bus, { key: 'c' })
    await expect.poll(async () => (await outputs(bus)).length).toBe(3)
    expect((await outputs(bus)).slice(0, 2)).toEqual(before)
  })

  test('of another revision starts afresh, beside the old one', async () => {
    const bus = await startedBus({ workers: [counting(), counting({ revision: 2 })] })
    await publish(bus, { key: 'a' })
    await expect.poll(async () => (await outputs(bus)).map(({ data }) => data.count)).toEqual([1, 1])
    expect(new Set((await outputs(bus)).map(({ id }) => id)).size).toBe(2)
  })

  test('skips events without a key', async () => {
    const bus = await startedBus({
      workers: [counting({ key: (event) => (event.data.key === 'skip' ? undefined : key(event)) })],
    })
    await publish(bus, { key: 'skip' }, { key: 'a' })
    await expect.poll(async () => (await outputs(bus)).map(({ data }) => data.key)).toEqual(['a'])
  })

  test('is paused and resumed like any durable subscription', async () => {
    const bus = await startedBus({ workers: [counting({ leaseMs: 150 })] })
    await bus.durable.pause('count@1')
    await expect.poll(() => bus.subscriptions()[0]?.state).toBe('paused')
    await publish(bus, { key: 'a' })
    await sleep(100)
    expect(await outputs(bus)).toEqual([])
    await bus.durable.resume('count@1')
    await expect.poll(async () => (await outputs(bus)).length).toBe(1)
  })

  test('ends when its subscription is deleted', async () => {
    const bus = await startedBus({ workers: [counting({ leaseMs: 150 })] })
    await publish(bus, { key: 'a' })
    await expect.poll(async () => (await outputs(bus)).length).toBe(1)
    await bus.durable.delete('count@1')
    await expect.poll(() => bus.subscriptions()[0]?.state).toBe('waiting')
    await publish(bus, { key: 'a' })
    await sleep(100)
    expect((await outputs(bus)).length).toBe(1)
  })
})

describe('a timer', () => {
  const session = (more: Partial<ProcessorDefinition<number>> = {}) =>
    processor<number>('session', {
      filter: { types: ['in'] },
      revision: 1,
      from: 'beginning',
      key,
      step(event, state = 0, { now, set, setTimer, clearTimer }) {
        if (event.data.end === true) return clearTimer()
        set(state + 1)
        setTimer(now + Number(event.data.for ?? 50))
      },
      timer(name, state, { set, emit, at }) {
        set(undefined)
        emit({ type: 'out', data: { key: name, count: state ?? 0, at } })
      },
      ...more,
    })

  test('is called when it is due although no event comes, and leaves no state', async () => {
    const bus = await startedBus({ workers: [session()] })
    await publish(bus, { key: 'a' }, { key: 'a' }, { key: 'b', for: 100 })
    await expect
      .poll(async () => (await outputs(bus)).map(({ data }) => [data.key, data.count]))
      .toEqual([
        ['a', 2],
        ['b', 1],
      ])
    const [cause] = await outputs(bus, 'in')
    expect((await outputs(bus))[0]?.data.at).toBe(Date.parse(cause?.recorded_at ?? '') + 50)
    await expect.poll(async () => (await bus.health()).checks['session@1']?.keys).toBe(0)
  })

  test('is not called after it was cleared', async () => {
    const bus = await startedBus({ workers: [session()] })
    await publish(bus, { key: 'a' }, { key: 'b' }, { key: 'a', end: true })
    await expect.poll(async () => (await outputs(bus)).map(({ data }) => data.key)).toEqual(['b'])
  })

  test('is called without a state when only the state was deleted', async () => {
    const forgetful = processor<string>('forgetful', {
      revision: 1,
      filter: { types: ['in'] },
      key,
      step(_event, _state, { now, set, setTimer }) {
        set('a state')
        setTimer(now + 10)
        set(undefined)
      },
      timer: (_key, state, { emit }) => emit({ type: 'out', data: { isGone: state === undefined } }),
    })
    const bus = await startedBus({ workers: [forgetful] })
    await publish(bus, { key: 'a' })
    await expect.poll(async () => (await outputs(bus)).map(({ data }) => data)).toEqual([{ isGone: true }])
  })

  test('is called between the same events when history is processed again', async () => {
    let now = 1_000_000_000_000
    const storage = memoryStorage({ now: () => now })
    const bus = await startedBus({ storage, now: () => now })
    for (const name of ['a', 'b', 'a']) {
      await publish(bus, { key: name, for: 1_000 })
      now += 1_000
    }
    await publish(bus, { key: 'c', for: 1_000 })
    await bus.run(session())
    // b at 2 s, and both that are due with the last event's time, before it; c waits for the clock.
    await expect
      .poll(async () => (await outputs(bus)).map(({ data }) => [data.key, data.count]))
      .toEqual([
        ['a', 1],
        ['b', 1],
        ['a', 1],
      ])
    now += 1_000
    await expect.poll(async () => (await outputs(bus)).length).toBe(4)
  })

  test('waits for the store’s clock, whatever the clock of its process says', async () => {
    let now = 1_000_000_000_000
    const storage = memoryStorage({ now: () => now })
    for (const wrongMs of [86_400_000, -3_600_000]) {
      const name = `clock${wrongMs}`
      const bus = await startedBus({ storage, now: () => now + wrongMs })
      const worker = session({ revision: wrongMs > 0 ? 1 : 2, from: 'now', leaseMs: 150 })
      await bus.run(worker)
      await bus.publish({ type: 'in', source: 'test', data: { key: name, for: 10_000 } })
      await sleep(100)
      expect((await outputs(bus)).filter(({ data }) => data.key === name)).toEqual([])
      now += 10_000
      await expect
        .poll(async () => (await outputs(bus)).filter(({ data }) => data.key === name).length, {
          timeout: 5_000,
        })
        .toBe(1)
      await bus.stop()
    }
  })

  test('is called even while others keep appending events that do not match', async () => {
    const bus = await startedBus({ workers: [session()] })
    await publish(bus, { key: 'a', for: 30 })
    let isDone = false
    const noise = (async () => {
      while (!isDone) {
        await bus.publish({ type: 'noise', source: 'test' })
        await turn()
      }
    })()
    await expect.poll(async () => (await outputs(bus)).length).toBe(1)
    isDone = true
    await noise
  })

  test('may set itself again', async () => {
    const ticking = processor<number>('ticks', {
      filter: { types: ['in'] },
      revision: 1,
      from: 'beginning',
      key,
      step: (_event, _state, { now, setTimer }) => setTimer(now + 20),
      timer(_key, state = 0, { at, set, setTimer, emit }) {
        set(state + 1)
        emit({ type: 'out', data: { tick: state } })
        if (state < 4) setTimer(at + 20)
      },
    })
    const bus = await startedBus({ workers: [ticking] })
    await publish(bus, { key: 'a' })
    await expect.poll(async () => (await outputs(bus)).map(({ data }) => data.tick)).toEqual([0, 1, 2, 3, 4])
  })

  test('that throws is logged and dropped, and its key keeps its state', async () => {
    const logger = recordingLogger()
    const bus = await startedBus({
      logger,
      workers: [
        session({
          timer: () => {
            throw new Error('tired')
          },
        }),
      ],
    })
    await publish(bus, { key: 'a', for: 10 })
    await expect
      .poll(() => logger.lines.map(({ message }) => message))
      .toContain('A timer of a processor failed, and is dropped')
    expect((await bus.health()).checks['session@1']).toMatchObject({ keys: 1, errors: 1 })
  })
})

describe('what goes wrong', () => {
  /** What became of three events of which the middle one is bad. */
  async function withBadEvent(
    more: Partial<ProcessorDefinition<number>>,
    bad: Record<string, string | boolean> = {},
  ) {
    const bus = await startedBus({ workers: [counting(more)], logger: recordingLogger() })
    await publish(bus, { key: 'a' }, { key: 'a', bad: true, ...bad }, { key: 'a' })
    await expect
      .poll(async () => (await outputs(bus)).map(({ data }) => data.count), { timeout: 8_000 })
      .toEqual([1, 2])
    const { deadLetters } = await bus.deadLetters.list({ limit: 10 })
    expect(deadLetters.map(({ subscription, event }) => [subscription, event.data.bad])).toEqual([
      ['count@1', true],
    ])
    return deadLetters[0]?.error
  }
  const step = (
    spoil: (context: Parameters<ProcessorDefinition<number>['step']>[2]) => unknown,
  ): Pick<ProcessorDefinition<number>, 'step'> => ({
    // What users without types may write.
    step(event, state = 0, context) {
      context.set(state + 1)
      context.emit({ type: 'out', data: { count: state + 1 } })
      return (event.data.bad === true ? spoil(context) : undefined) as undefined
    },
  })

  test('in a step costs its event, and the key keeps its state', async () => {
    expect(await withBadEvent({}, { fail: true })).toBe('no')
  })

  test('in the key function costs its event', async () => {
    const broken = (value: unknown) => ({
      key: (event: StoredEvent) => (event.data.bad === true ? value : 'a') as string,
    })
    expect(await withBadEvent(broken(5))).toMatch(/key must return a string/)
    expect(await withBadEvent(broken('x'.repeat(257)))).toMatch(/key must return a string/)
    expect(await withBadEvent(broken('\ud800'))).toMatch(/key must return a string/)
    const throws = (event: StoredEvent) => {
      if (event.data.bad === true) throw new Error('no key')
      return 'a'
    }
    expect(await withBadEvent({ key: throws })).toBe('no key')
  })

  test('with what a step returns, sets or emits costs its event', async () => {
    const promise = step(() => Promise.reject(new Error('late')))
    expect(await withBadEvent(promise)).toMatch(/synchronous/)
    expect(await withBadEvent(step(({ set }) => set(Number.NaN)))).toMatch(/finite number/)
    const huge = 'x'.repeat(262_145)
    // What users without types may write.
    expect(await withBadEvent(step(({ set }) => set(huge as unknown as number)))).toMatch(
      /at most 262144 bytes/,
    )
    expect(await withBadEvent(step(({ emit }) => emit({ type: 'Not A Type' })))).toMatch(/type/)
    expect(await withBadEvent(step(({ emit }) => emit({ type: 'out', data: { huge } })))).toMatch(/data/)
    expect(await withBadEvent(step(({ setTimer, now }) => setTimer(now)))).toMatch(/atMs/)
    const flood = step(({ emit }) => {
      for (let i = 0; i < 1_001; i++) emit({ type: 'out' })
    })
    expect(await withBadEvent(flood)).toMatch(/at most 1000/)
  })

  test('as an endless loop is ended, and costs its event', async () => {
    const endless = step(() => {
      for (;;);
    })
    expect(await withBadEvent({ ...endless, stepTimeoutMs: 50 })).toMatch(/did not return within 50 ms/)
    const key = (event: StoredEvent) => {
      if (event.data.bad === true) for (;;);
      return 'a'
    }
    expect(await withBadEvent({ key, stepTimeoutMs: 50 })).toMatch(/did not return within 50 ms/)
  })

  test('in a step after it has returned does not count', async () => {
    let kept: (() => void) | undefined
    const bus = await startedBus({
      workers: [
        counting({
          step: (_event, _state, { emit }) => {
            kept = () => emit({ type: 'out' })
          },
        }),
      ],
    })
    await publish(bus, { key: 'a' })
    await expect.poll(() => kept).toBeDefined()
    expect(() => kept?.()).toThrow(/has returned/)
    expect(await outputs(bus)).toEqual([])
  })

  test('for every event costs every event, and the process continues', async () => {
    const bus = await startedBus({
      workers: [
        counting({
          step: () => {
            throw new Error('always')
          },
        }),
      ],
    })
    await publish(bus, ...Array.from({ length: 1_000 }, () => ({ key: 'a' })))
    await expect
      .poll(async () => (await bus.deadLetters.list({ limit: 1 })).total, { timeout: 20_000 })
      .toBe(1_000)
  })

  test('with a store that is full or unavailable: the commit is retried until it succeeds, once', async () => {
    const storage = memoryStorage()
    let failures = 3
    const commit = storage.commit.bind(storage)
    storage.commit = async (lease, changes) => {
      if (failures-- > 0) throw new EventsError('EVENTS_STORAGE_FULL', 'no space left')
      const result = await commit(lease, changes)
      // The answer is lost, and what became of it unknown.
      if (failures-- === -1) throw new EventsError('EVENTS_STORAGE_UNAVAILABLE', 'no answer')
      return result
    }
    const bus = await startedBus({ storage, workers: [counting()] })
    await publish(bus, { key: 'a' }, { key: 'a' })
    await expect
      .poll(async () => (await outputs(bus)).map(({ data }) => data.count), { timeout: 5_000 })
      .toEqual([1, 2])
    await publish(bus, { key: 'a' })
    await expect.poll(async () => (await outputs(bus)).map(({ data }) => data.count)).toEqual([1, 2, 3])
  })

  test('with an output that the store rejects costs the event that emitted it', async () => {
    const storage = memoryStorage()
    const commit = storage.commit.bind(storage)
    storage.commit = async (lease, changes) => {
      if (changes.append?.some(({ event }) => event.title === 'poison'))
        throw new EventsError('EVENTS_STORAGE_FAILED', 'not this one')
      return commit(lease, changes)
    }
    const poisoning = step(({ emit }) => emit({ type: 'poison', title: 'poison' }))
    const bus = await startedBus({ storage, workers: [counting(poisoning)], logger: recordingLogger() })
    await publish(bus, ...Array.from({ length: 50 }, (_, number) => ({ key: 'a', bad: number === 20 })))
    await expect.poll(async () => (await outputs(bus)).length, { timeout: 5_000 }).toBe(49)
    const { deadLetters } = await bus.deadLetters.list({ limit: 10 })
    expect(deadLetters.map(({ error }) => error)).toEqual(['not this one'])
  })

  test('with a lease lost in the middle: nothing of the commit is visible', async () => {
    const storage = memoryStorage()
    const commit = storage.commit.bind(storage)
    let isTaken = false
    storage.commit = async (lease, changes) => {
      if (changes.append !== undefined && !isTaken) {
        isTaken = true
        const first = await storage.leases.acquire(lease.name, 'other')
        if (!first.acquired) await storage.leases.acquire(lease.name, 'other', first.sign)
      }
      return commit(lease, changes)
    }
    const bus = await startedBus({ storage, workers: [counting({ leaseMs: 200 })] })
    await publish(bus, { key: 'a' })
    await expect.poll(() => isTaken).toBe(true)
    expect(await outputs(bus)).toEqual([])
    // The other one shows no sign of life.
    await expect
      .poll(async () => (await outputs(bus)).map(({ data }) => data.count), { timeout: 5_000 })
      .toEqual([1])
  })
})

describe('state', () => {
  test('is bounded by keys: the least recently changed ones are shed', async () => {
    const bus = await startedBus({
      workers: [counting({ maxKeys: 100, batchEvents: 10 })],
      logger: recordingLogger(),
    })
    await publish(bus, ...Array.from({ length: 1_000 }, (_, number) => ({ key: `k${number}` })))
    await expect.poll(async () => (await outputs(bus)).length, { timeout: 10_000 }).toBe(1_000)
    await publish(bus, { key: 'k1' }, { key: 'k999' })
    await expect
      .poll(async () => (await outputs(bus)).slice(1_000).map(({ data }) => [data.key, data.count]), {
        timeout: 10_000,
      })
      .toEqual([
        ['k1', 1],
        ['k999', 2],
      ])
    expect(Number((await bus.health()).checks['count@1']?.shed)).toBeGreaterThan(850)
  })

  test('is bounded by bytes', async () => {
    const text = 'x'.repeat(1_000)
    const fat = processor<string>('fat', {
      revision: 1,
      from: 'beginning',
      filter: { types: ['in'] },
      key,
      step: (_event, _state, { set }) => set(text),
      maxStateBytes: 50_000,
      batchEvents: 10,
    })
    const bus = await startedBus({ workers: [fat], logger: recordingLogger() })
    await publish(bus, ...Array.from({ length: 200 }, (_, number) => ({ key: `k${number}` })))
    await expect.poll(async () => (await bus.durable.list())[0]?.lag, { timeout: 5_000 }).toBe(0)
    expect(Number((await bus.health()).checks['fat@1']?.state_bytes)).toBeLessThan(600_000)
  })

  test('is not stored if it is changed in place without set', async () => {
    const seen: unknown[] = []
    const careless = processor<{ list: number[] }>('careless', {
      revision: 1,
      from: 'beginning',
      filter: { types: ['in'] },
      key,
      step(event, state, { set }) {
        seen.push(state?.list.length)
        if (state === undefined) set({ list: [] })
        else state.list.push(event.position)
      },
    })
    const bus = await startedBus({ workers: [careless] })
    await publish(bus, { key: 'a' }, { key: 'a' }, { key: 'a' })
    await expect.poll(() => seen).toEqual([undefined, 0, 0])
  })
})

test('invalid definitions are rejected', () => {
  const definition = { revision: 1, key: () => 'a', step: () => undefined }
  const make = (more: object) => () => processor('x', { ...definition, ...more })
  expect(make({ revision: 0 })).toThrow(/revision/)
  expect(make({ step: async () => undefined })).toThrow(/synchronous/)
  expect(make({ unknown: 1 })).toThrow(/unknown/)
  expect(make({ key: undefined })).toThrow(/key/)
  expect(make({ filter: { types: 5 } })).toThrow(/types/)
  expect(() => processor('', definition)).toThrow(/name/)
})

test('two processes share the partitions of a processor, and one takes over what the other leaves', async () => {
  const storage = memoryStorage()
  const worker = () => counting({ partitions: 4, leaseMs: 200 })
  const first = await startedBus({ storage, workers: [worker()] })
  const keys = Array.from({ length: 40 }, (_, number) => ({ key: `k${number}` }))
  await publish(first, ...keys)
  await expect.poll(async () => (await outputs(first)).length, { timeout: 5_000 }).toBe(40)
  const second = await startedBus({ storage, workers: [worker()] })
  // What the first one took alone is spread as soon as there are two.
  const byOwner = async () => {
    const owners = (await storage.subscriptions.list('count@1')).map(({ owner }) => owner)
    return Array.from(Map.groupBy(owners, (owner) => owner).values(), ({ length }) => length)
  }
  await expect.poll(byOwner, { timeout: 5_000 }).toEqual([2, 2])
  await first.stop()
  await storage.open()
  await publish(second, ...keys)
  await expect.poll(async () => (await outputs(second)).length, { timeout: 5_000 }).toBe(80)
  expect((await outputs(second)).filter(({ data }) => data.count === 2)).toHaveLength(40)
})

test('one processor cannot run on two buses', async () => {
  const worker = counting()
  await startedBus({ workers: [worker] })
  const other = await startedBus()
  await expect(other.run(worker)).rejects.toMatchObject({ code: 'EVENTS_CONFLICT' })
})
