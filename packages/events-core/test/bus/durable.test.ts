import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  createEventBus,
  type EventBus,
  type EventInput,
  type EventStorage,
  EventsError,
  type HandlerContext,
  memoryStorage,
  type PublishedEvent,
} from '../../src/index.ts'
import { holderOf, takeOver } from '../../src/testing/holder.ts'
import { bound, gate, recordingLogger, startedBus } from './setup.ts'

const numbered = (count: number, from = 0): EventInput[] =>
  Array.from({ length: count }, (_, i) => ({
    type: 'x',
    source: 'test',
    id: `${from + i}`,
    data: { key: i % 3 },
  }))
const quick = { attempts: 3, minDelayMs: 1, maxDelayMs: 2 }
const key = { name: 'mine', partition: 0 }
const soon = { leaseMs: 150, checkpointMs: 5 }

/** Starts a bus on a store that other buses use too. */
async function busOn(storage: EventStorage): Promise<EventBus> {
  // Each bus of these tests stands for a process, so the store must outlive any one of them.
  const bus = createEventBus({
    storage: { ...bound(storage), close: async () => undefined },
    pollIntervalMs: 10,
  })
  await bus.start()
  onTestFinished(async () => {
    await bus.stop({ timeoutMs: 50 })
  })
  return bus
}

describe('a durable subscription', () => {
  test('misses nothing when it joins another one of its filter that lags in this process', async () => {
    const bus = await startedBus()
    const { opened, open } = gate()
    await bus.subscribe('x', () => opened, { durable: 'slow', queueEvents: 2, from: 'beginning' })
    // So many events that the slow one has not taken all of them from the shared buffer.
    for (let from = 0; from < 20; from += 2) await bus.publishMany(numbered(2, from))
    const seen: string[] = []
    await bus.subscribe('x', (event) => seen.push(event.id), { durable: 'late', from: 5 })
    await bus.publishMany(numbered(2, 20))
    await expect.poll(() => seen, { timeout: 5_000 }).toEqual(numbered(17, 5).map(({ id }) => id))
    open()
  })

  test("starts with new events, with 'beginning', or after a position", async () => {
    const bus = await startedBus()
    await bus.publishMany(numbered(5))
    const seen: Record<string, string[]> = { now: [], beginning: [], third: [] }
    await bus.subscribe('x', (event) => seen.now?.push(event.id), { durable: 'now' })
    await bus.subscribe('x', (event) => seen.beginning?.push(event.id), {
      durable: 'beginning',
      from: 'beginning',
    })
    await bus.subscribe('x', (event) => seen.third?.push(event.id), { durable: 'third', from: 3 })
    await bus.publishMany(numbered(2, 5))
    await expect
      .poll(() => seen)
      .toEqual({
        now: ['5', '6'],
        beginning: ['0', '1', '2', '3', '4', '5', '6'],
        third: ['3', '4', '5', '6'],
      })
  })

  test('resumes after a stop where it was, and gets the events published in between', async () => {
    const storage = memoryStorage()
    const seen: string[] = []
    const run = async () => {
      const bus = createEventBus({ storage })
      await bus.subscribe('x', (event) => seen.push(event.id), { durable: 'mine' })
      await bus.start()
      return bus
    }
    const first = await run()
    await first.publishMany(numbered(3))
    await expect.poll(() => seen.length).toBe(3)
    await first.stop()
    const between = createEventBus({ storage })
    await between.start()
    await between.publishMany(numbered(3, 3))
    await between.stop()
    const second = await run()
    await second.publishMany(numbered(1, 6))
    await expect.poll(() => seen).toEqual(['0', '1', '2', '3', '4', '5', '6'])
    expect(await second.stop()).toEqual({ drained: true, unwritten: 0, unhandled: {}, closed: true })
  })

  test('never drops: a handler slower than its publisher lags, and gets all in order', async () => {
    const bus = await startedBus()
    const seen: number[] = []
    const handler = async (event: PublishedEvent) => {
      await new Promise((resolve) => setImmediate(resolve))
      seen.push(Number(event.id))
    }
    await bus.subscribe('x', handler, { durable: 'slow', queueEvents: 10 })
    for (let i = 0; i < 20; i++) await bus.publishMany(numbered(100, i * 100))
    expect(bus.subscriptions()[0]?.lag).toBeGreaterThan(1_000)
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(2_000)
    expect(seen).toEqual(Array.from({ length: 2_000 }, (_, i) => i))
  })

  test('advances its checkpoint past events that do not match, and never beyond what was handled', async () => {
    const storage = memoryStorage({ capacity: 20_000 })
    const bus = await startedBus({ storage })
    const { opened, open } = gate()
    await bus.subscribe('y', () => opened, { durable: 'picky', ...soon })
    for (let i = 0; i < 10; i++) await bus.publishMany(numbered(1_000, i * 1_000))
    await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(10_000)
    await bus.publish({ type: 'y', source: 'test' })
    await bus.publishMany(numbered(100, 10_000))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect((await bus.durable.list())[0]).toMatchObject({ position: 10_000, lag: 101, state: 'running' })
    open()
    await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(10_101)
  })

  test('with concurrency saves no further than the first event that is not handled', async () => {
    const bus = await startedBus()
    const { opened, open } = gate()
    const handler = (event: PublishedEvent) => (event.id === '2' ? opened : undefined)
    await bus.subscribe('x', handler, { durable: 'wide', concurrency: 4, ...soon })
    await bus.publishMany(numbered(50))
    await expect.poll(() => bus.subscriptions()[0]).toMatchObject({ trigger_count: 50, in_flight: 1 })
    await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(2)
    open()
    await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(50)
  })

  test('of one name is run by one process at a time; another takes over when that one stops', async () => {
    const storage = memoryStorage()
    const [a, b] = [await busOn(storage), await busOn(storage)]
    const seen: string[] = []
    await a.subscribe('x', (event) => seen.push(`a${event.id}`), { durable: 'shared', ...soon })
    await b.subscribe('x', (event) => seen.push(`b${event.id}`), { durable: 'shared', ...soon })
    await a.publishMany(numbered(3))
    await expect.poll(() => seen).toEqual(['a0', 'a1', 'a2'])
    expect(b.subscriptions()[0]?.state).toBe('waiting')
    await a.stop()
    await b.publishMany(numbered(3, 3))
    await expect.poll(() => seen).toEqual(['a0', 'a1', 'a2', 'b3', 'b4', 'b5'])
  })

  test('is spread over processes by partition, and keeps the order of each key', async () => {
    const storage = memoryStorage()
    const buses = [await busOn(storage), await busOn(storage)]
    const seen = new Map<string, number[]>()
    for (const bus of buses) {
      const handler = async (event: PublishedEvent) => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
        const key = String(event.data.key)
        seen.set(key, [...(seen.get(key) ?? []), Number(event.id)])
      }
      const orderBy = (event: PublishedEvent) => String(event.data.key)
      await bus.subscribe('x', handler, {
        durable: 'spread',
        partitions: 4,
        concurrency: 2,
        orderBy,
        ...soon,
      })
    }
    await buses[0]?.publishMany(numbered(300))
    await expect.poll(() => [...seen.values()].flat().length, { timeout: 10_000 }).toBe(300)
    for (const ids of seen.values()) expect(ids).toEqual(ids.toSorted((x, y) => x - y))
    await expect(
      buses[0]?.subscribe('x', () => 1, { durable: 'spread', partitions: 2, orderBy: () => '' }),
    ).rejects.toMatchObject({ code: 'EVENTS_CONFLICT' })
  })

  test('is fenced: a process that lost its lease can no longer move the checkpoint', async () => {
    const storage = memoryStorage()
    await storage.open()
    await storage.subscriptions.create('mine', 1, 0)

    const first = await holderOf(storage, key)
    await takeOver(storage, first.lease.name)
    const late = await first.commit({ checkpoint: { ...key, position: 99 } })
    expect(late).toEqual({ committed: false, reason: 'lease_lost' })
    expect((await storage.subscriptions.list())[0]).toMatchObject({ position: 0, owner: 'other' })
  })

  test('pauses, resumes, and is reset', async () => {
    const bus = await startedBus()
    const seen: string[] = []
    await bus.subscribe('x', (event) => seen.push(event.id), { durable: 'mine', ...soon })
    await bus.publishMany(numbered(2))
    await expect.poll(() => seen).toEqual(['0', '1'])
    await bus.durable.pause('mine')
    await expect.poll(() => bus.subscriptions()[0]?.state).toBe('paused')
    await bus.publishMany(numbered(2, 2))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(seen).toEqual(['0', '1'])
    await bus.durable.resume('mine')
    await expect.poll(() => seen).toEqual(['0', '1', '2', '3'])
    await bus.durable.reset('mine', 1)
    await expect.poll(() => seen).toEqual(['0', '1', '2', '3', '1', '2', '3'])
    await expect(bus.durable.pause('nobody')).rejects.toMatchObject({ code: 'EVENTS_NOT_FOUND' })
    await expect(bus.durable.reset('mine', 99)).rejects.toMatchObject({ code: 'EVENTS_INVALID' })
  })

  test('does not call its handler again for a key while a call from before a reset is still running', async () => {
    const bus = await startedBus()
    const { opened, open } = gate()
    let [active, most, calls] = [0, 0, 0]
    const handler = async () => {
      most = Math.max(most, ++active)
      calls++
      await opened
      active--
    }
    await bus.subscribe('x', handler, { durable: 'mine', ...soon })
    await bus.subscribe('y', () => undefined, { durable: 'other', ...soon })
    await bus.publishMany(numbered(1))
    await expect.poll(() => active).toBe(1)
    await bus.durable.reset('mine', 'beginning')
    await expect.poll(() => bus.subscriptions()[0]?.in_flight).toBe(0)
    await bus.publish({ type: 'y', source: 'test' })
    await expect.poll(() => bus.subscriptions()[1]?.trigger_count).toBe(1)
    open()
    await expect.poll(() => calls).toBe(2)
    expect(most).toBe(1)
  })

  test('is renamed with its position, and deleted; its handler ends', async () => {
    const bus = await startedBus()
    const ends: string[] = []
    await bus.subscribe('x', () => 1, { durable: 'old', onEnd: (reason) => ends.push(reason), ...soon })
    await bus.publishMany(numbered(4))
    await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(4)
    await bus.durable.rename('old', 'new')
    expect(await bus.durable.list()).toMatchObject([{ name: 'new', position: 4 }])
    await expect.poll(() => bus.subscriptions()).toEqual([])
    const seen: string[] = []
    await bus.publishMany(numbered(1, 4))
    await bus.subscribe('x', (event) => seen.push(event.id), { durable: 'new', ...soon })
    await expect.poll(() => seen).toEqual(['4'])
    await bus.durable.delete('new')
    expect(await bus.durable.list()).toEqual([])
    expect(ends).toHaveLength(1)
  })

  test('is rejected twice on one bus, and with options that exclude each other', async () => {
    const bus = await startedBus()
    await bus.subscribe('x', () => 1, { durable: 'mine' })
    await expect(bus.subscribe('x', () => 1, { durable: 'mine' })).rejects.toMatchObject({
      code: 'EVENTS_CONFLICT',
    })
    const refusals = [
      [{ durable: 'a', partitions: 2 }, /orderBy is required/],
      [{ durable: 'a', onQueueFull: 'disconnect' as const }, /never drops/],
      [{ durable: 'a', from: 'yesterday' as 'now' }, /'beginning', 'now' or a position/],
      [{ from: 'now' as const }, /only for durable/],
    ] as const
    for (const [options, message] of refusals)
      await expect(bus.subscribe('x', () => 1, options)).rejects.toThrow(message)
  })

  test('survives a store that cannot save checkpoints for a while', async () => {
    const storage = memoryStorage()
    const logger = recordingLogger()
    let away = false
    const commit: EventStorage['commit'] = async (...args) => {
      if (away) throw new EventsError('EVENTS_STORAGE_UNAVAILABLE', 'away')
      return storage.commit(...args)
    }
    const bus = await startedBus({ storage: { ...bound(storage), commit }, logger })
    const seen: string[] = []
    await bus.subscribe('x', (event) => seen.push(event.id), { durable: 'mine', ...soon })
    away = true
    await bus.publishMany(numbered(2))
    await expect.poll(() => logger.lines.length).toBeGreaterThan(0)
    away = false
    await bus.publishMany(numbered(2, 2))
    await expect.poll(() => seen).toEqual(['0', '1', '2', '3'])
    await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(4)
  })
})

describe('health', () => {
  test('calls a durable subscription stalled if it has events but makes no progress, not if it is idle', async () => {
    const bus = await startedBus()
    const { opened, open } = gate()
    await bus.subscribe('idle', () => undefined, { durable: 'idle' })
    await bus.subscribe('x', () => opened, { durable: 'stuck' })
    await expect.poll(() => bus.subscriptions().map(({ state }) => state)).toEqual(['running', 'running'])
    await bus.publishMany(numbered(1))
    await expect.poll(() => bus.subscriptions()[1]?.in_flight).toBe(1)
    const before = performance.now()
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => before + 61_000)
    onTestFinished(() => void clock.mockRestore())
    expect(bus.subscriptions().map(({ state }) => state)).toEqual(['running', 'stalled'])
    expect(await bus.health()).toMatchObject({
      status: 'degraded',
      checks: { subscriptions: { detail: "'stuck' is stalled" } },
    })
    clock.mockRestore()
    open()
    await expect.poll(async () => (await bus.health()).status).toBe('ok')
  })
})

describe('dead letters', () => {
  async function withPoison() {
    const bus = await startedBus()
    const calls: string[] = []
    let poisonous = true
    const handler = (event: PublishedEvent, { attempt }: HandlerContext) => {
      calls.push(`${event.id}/${attempt}`)
      if (poisonous && event.id === '1') throw new Error('poison')
    }
    await bus.subscribe('x', handler, { durable: 'mine', retry: quick, ...soon })
    await bus.publishMany(numbered(3))
    await expect.poll(() => calls).toEqual(['0/1', '1/1', '1/2', '1/3', '2/1'])
    const cure = () => {
      poisonous = false
    }
    return { bus, calls, cure }
  }

  test('keep a poison event with everything known about it, and the next event follows', async () => {
    const { bus } = await withPoison()
    await expect.poll(async () => (await bus.durable.list())[0]?.position).toBe(3)
    expect(await bus.deadLetters.list({ limit: 10 })).toEqual({
      total: 1,
      deadLetters: [
        {
          id: expect.any(String),
          subscription: 'mine',
          event: expect.objectContaining({ id: '1', position: 2, data: { key: 1 } }),
          error: 'poison',
          stack: expect.stringContaining('durable.test.ts'),
          attempts: 3,
          first_failed_at: expect.stringMatching(/Z$/),
          last_failed_at: expect.stringMatching(/Z$/),
          retrying: false,
        },
      ],
    })
  })

  test('do not outlive a subscription that is deleted meanwhile, and are not passed to another of its name', async () => {
    const storage = memoryStorage()
    const parked: boolean[] = []
    const [asked, answered] = [gate(), gate()]
    const commit: EventStorage['commit'] = async (lease, changes) => {
      if (changes.failures === undefined) return storage.commit(lease, changes)
      asked.open()
      await answered.opened
      const result = await storage.commit(lease, changes)
      parked.push(result.committed)
      return result
    }
    const bus = await startedBus({ storage: { ...bound(storage), commit } })
    const handler = () => {
      throw new Error('poison')
    }
    await bus.subscribe('x', handler, { durable: 'mine', retry: { attempts: 1 }, ...soon })
    await bus.publishMany(numbered(1))
    await asked.opened
    await storage.subscriptions.delete('mine')
    await storage.subscriptions.create('mine', 1, 0)
    answered.open()
    await expect.poll(() => parked[0]).toBe(false)
    // Its successor handles the event itself.
    await expect.poll(() => parked[1]).toBe(true)
    expect((await bus.deadLetters.list({ limit: 10 })).deadLetters).toMatchObject([{ attempts: 1 }])
  })

  test('are retried on request, apart from live events: gone when handled, parked again when not', async () => {
    const { bus, calls, cure } = await withPoison()
    const letter = async () => (await bus.deadLetters.list({ limit: 1 })).deadLetters[0]
    await expect.poll(letter).toBeDefined()
    const checkpoint = (await bus.durable.list())[0]?.position
    expect(await bus.deadLetters.retry({ subscription: 'mine' }, { dryRun: true })).toBe(1)
    expect(await bus.deadLetters.retry({ subscription: 'mine' })).toBe(1)
    await expect.poll(letter).toMatchObject({ attempts: 6, retrying: false })
    cure()
    expect(await bus.deadLetters.retry({ type: 'x' })).toBe(1)
    await expect.poll(letter).toBeUndefined()
    expect(calls.slice(5)).toEqual(['1/1', '1/2', '1/3', '1/1'])
    expect((await bus.durable.list())[0]?.position).toBeGreaterThanOrEqual(checkpoint ?? 0)
  })

  test('can be deleted, and retries can be cancelled', async () => {
    const { bus } = await withPoison()
    await expect.poll(async () => (await bus.deadLetters.list({ limit: 1 })).total).toBe(1)
    await bus.durable.pause('mine')
    await expect.poll(() => bus.subscriptions()[0]?.state).toBe('paused')
    const [letter] = (await bus.deadLetters.list({ limit: 1 })).deadLetters
    expect(await bus.deadLetters.delete({ id: 'nothing' })).toBe(0)
    expect(await bus.deadLetters.delete({ id: letter?.id ?? '' })).toBe(1)
    expect(await bus.deadLetters.get(letter?.id ?? '')).toBeUndefined()
    await expect(bus.deadLetters.list({ limit: 0 })).rejects.toMatchObject({ code: 'EVENTS_INVALID' })
    await expect(bus.deadLetters.delete({ colour: 'red' } as object)).rejects.toMatchObject({
      code: 'EVENTS_INVALID',
    })
  })
})

describe('a shared log', () => {
  test('reaches the live subscribers of each process, once and in order, whoever published', async () => {
    const storage = memoryStorage({ capacity: 50_000 })
    const buses = await Promise.all([busOn(storage), busOn(storage), busOn(storage)])
    const seen = await Promise.all(
      buses.map(async (bus) => {
        const positions: (number | undefined)[] = []
        await bus.subscribe('*', (event) => positions.push(event.position), { queueEvents: 10_000 })
        return positions
      }),
    )
    await Promise.all(
      buses.map(async (bus, n) => {
        for (let i = 0; i < 100; i++) await bus.publish({ type: 'x', source: `bus ${n}` })
      }),
    )
    const all = Array.from({ length: 300 }, (_, i) => i + 1)
    await expect.poll(() => seen.map((positions) => positions.length)).toEqual([300, 300, 300])
    for (const positions of seen) expect(positions).toEqual(all)
  })

  test('is not replayed to a live subscriber that starts later', async () => {
    const storage = memoryStorage()
    const [a, b] = [await busOn(storage), await busOn(storage)]
    await a.publishMany(numbered(5))
    const seen: string[] = []
    await b.subscribe('x', (event) => seen.push(event.id))
    await a.publishMany(numbered(1, 5))
    await expect.poll(() => seen).toEqual(['5'])
  })
})

describe('at a bad moment', () => {
  test('a subscription that is deleted and created again is not moved by its former holder', async () => {
    const storage = memoryStorage()
    await storage.open()
    await storage.subscriptions.create('mine', 1, 0)
    const before = await holderOf(storage, key)
    await storage.subscriptions.delete('mine')
    await storage.subscriptions.create('mine', 1, 0)
    const now = await holderOf(storage, key)
    const late = await before.commit({ checkpoint: { ...key, position: 99 } })
    expect(late).toEqual({ committed: false, reason: 'lease_lost' })
    expect(await now.commit({ checkpoint: { ...key, position: 5 } })).toMatchObject({ committed: true })
    expect((await storage.subscriptions.list())[0]).toMatchObject({ position: 5 })
  })

  test('a stop during the delay before a retry creates no dead letter: the event comes again', async () => {
    const storage = memoryStorage()
    const failing = createEventBus({ storage })
    await failing.start()
    const retry = { attempts: 10, minDelayMs: 60_000, maxDelayMs: 60_000 }
    await failing.subscribe('x', () => Promise.reject(new Error('no')), { durable: 'mine', retry })
    await failing.publishMany(numbered(2))
    await expect.poll(() => failing.subscriptions()[0]?.errors).toBe(1)
    await failing.stop()
    const bus = await busOn(storage)
    expect((await bus.deadLetters.list({ limit: 1 })).total).toBe(0)
    const seen: string[] = []
    await bus.subscribe('x', (event) => seen.push(event.id), { durable: 'mine' })
    await expect.poll(() => seen).toEqual(['0', '1'])
  })

  test.each([
    ['has no text', () => Object.create(null)],
    ['has a message that is none', () => Object.assign(new Error('no'), { message: 5 })],
  ])('an error that %s is parked like any other', async (_, error) => {
    const bus = await startedBus()
    const seen: string[] = []
    const handler = (event: PublishedEvent) => {
      if (event.id === '0') throw error()
      seen.push(event.id)
    }
    await bus.subscribe('x', handler, { durable: 'mine', retry: { attempts: 1 } })
    await bus.publishMany(numbered(2))
    await expect.poll(() => seen).toEqual(['1'])
    expect((await bus.deadLetters.list({ limit: 1 })).total).toBe(1)
  })

  test('a failing start keeps the durable subscriptions for the next start', async () => {
    const storage = memoryStorage()
    let away = true
    const { subscriptions: real } = storage
    const subscriptions: EventStorage['subscriptions'] = {
      create: async (...args) => {
        if (away) throw new EventsError('EVENTS_STORAGE_UNAVAILABLE', 'away')
        return real.create(...args)
      },
      list: (...args) => real.list(...args),
      setPaused: (...args) => real.setPaused(...args),
      reset: (...args) => real.reset(...args),
      rename: (...args) => real.rename(...args),
      delete: (...args) => real.delete(...args),
    }
    const bus = createEventBus({ storage: { ...bound(storage), subscriptions } })
    const seen: string[] = []
    await bus.subscribe('x', (event) => seen.push(event.id), { durable: 'mine' })
    await expect(bus.start()).rejects.toMatchObject({ code: 'EVENTS_STORAGE_UNAVAILABLE' })
    away = false
    await bus.start()
    await bus.publishMany(numbered(1))
    await expect.poll(() => seen).toEqual(['0'])
    await bus.stop()
  })

  test('a name is free as soon as its subscription is unsubscribed', async () => {
    const bus = await startedBus()
    const first = await bus.subscribe('x', () => 1, { durable: 'mine', ...soon })
    await first.unsubscribe()
    const seen: string[] = []
    await bus.subscribe('x', (event) => seen.push(event.id), { durable: 'mine', ...soon })
    await bus.publishMany(numbered(1))
    await expect.poll(() => seen).toEqual(['0'])
  })

  test('dead letters are retried only by the process that runs the subscription, unless it is paused or the retry was cancelled', async () => {
    const storage = memoryStorage()
    const [runner, waiter] = [await busOn(storage), await busOn(storage)]
    const calls: string[] = []
    let broken = true
    const handlerOf = (name: string) => (event: PublishedEvent) => {
      calls.push(`${name}${event.id}`)
      if (broken) throw new Error('no')
    }
    const options = { durable: 'mine', retry: { attempts: 1 }, ...soon }
    await runner.subscribe('x', handlerOf('runner '), options)
    await expect.poll(() => runner.subscriptions()[0]?.state).toBe('running')
    await waiter.subscribe('x', handlerOf('waiter '), options)
    await runner.publishMany(numbered(2))
    await expect.poll(async () => (await waiter.deadLetters.list({ limit: 1 })).total).toBe(2)
    broken = false
    await waiter.durable.pause('mine')
    await expect.poll(() => runner.subscriptions()[0]?.state).toBe('paused')
    calls.length = 0
    expect(await waiter.deadLetters.retry({})).toBe(2)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(calls).toEqual([])
    const [newest] = (await waiter.deadLetters.list({ limit: 1 })).deadLetters
    expect(await waiter.deadLetters.cancelRetry({ id: newest?.id ?? '' })).toBe(1)
    await waiter.durable.resume('mine')
    await expect.poll(() => calls).toEqual(['runner 0'])
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(calls).toEqual(['runner 0'])
  })
})
