import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createEventBus, memoryStorage } from '../../src/index.ts'
import { bound, gate, startedBus, storageWithAppend } from './setup.ts'

const events = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ type: 'a', source: 'test', id: `${i}` }))

test('a handler that is running when the bus stops may still publish', async () => {
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

test('a stop keeps its timeout even after an unsubscribe, and reports what was left', async () => {
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

test('onEnd is not called for an unsubscribe', async () => {
  const bus = await startedBus()
  const ends: string[] = []
  const options = { durable: 'mine', onEnd: (reason: string) => ends.push(reason) }
  const subscription = await bus.subscribe('a', () => 1, options)
  await subscription.unsubscribe()
  await expect.poll(() => bus.subscriptions()).toEqual([])
  expect(ends).toEqual([])
})

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url))

/** Runs a program that only waits for the stop of a bus, and returns its output. */
async function outputOf(program: string): Promise<string> {
  const source = `
    import { createEventBus, memoryStorage } from '@viewra/events-core'
    const never = new Promise(() => undefined)
    const storage = memoryStorage()
    const bus = createEventBus({ storage })
    await bus.start()
    ${program}
    console.log(JSON.stringify(await bus.stop({ timeoutMs: 50 })))`
  const args = ['--conditions=@viewra/source', '--input-type=module', '--eval', source]
  // A process that ends while it waits exits with 13, which is an error here.
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: PACKAGE })
  return stdout
}

test.each([
  ['a durable handler', "await bus.subscribe('a', () => never, { durable: 'hung', from: 'beginning' })"],
  ['a live handler', "await bus.subscribe('a', () => never, { name: 'hung' })"],
])('a stop settles in a process that nothing else keeps alive: %s that hangs', async (_, subscribe) => {
  const output = await outputOf(`
    ${subscribe}
    await bus.publish({ type: 'a', source: 'test' })
    await new Promise((resolve) => setTimeout(resolve, 100))`)
  expect(JSON.parse(output)).toMatchObject({ drained: false, unhandled: { hung: 1 }, closed: true })
})

test.each([
  ['the reads', 'storage.read = storage.head = () => never', "await bus.subscribe('a', () => 1)"],
  [
    'the leases',
    'storage.subscriptions.renew = () => never',
    "await bus.subscribe('a', () => 1, { durable: 'd' })",
  ],
  ['a reader of a feed', '', 'await bus.feed({})'],
])('a stop settles in a process that nothing else keeps alive: %s hang', async (_, breakIt, use) => {
  const output = await outputOf(`${use}; ${breakIt}; bus.publishAsync({ type: 'a', source: 'test' })`)
  expect(JSON.parse(output)).toMatchObject({ closed: true })
})

test('overlapping stops share one stop and one report', async () => {
  const memory = memoryStorage()
  let closes = 0
  const close = async () => {
    closes++
    await memory.close()
  }
  const bus = createEventBus({ storage: { ...bound(memory), close } })
  await bus.start()
  const { opened, open } = gate()
  await bus.subscribe('a', () => opened, { durable: 'slow', from: 'beginning' })
  await bus.publish({ type: 'a', source: 'test' })
  await expect.poll(() => bus.subscriptions()[0]?.in_flight).toBe(1)
  const first = bus.stop()
  await sleep(5)
  const second = bus.stop({ timeoutMs: 0 })
  open()
  expect(await second).toBe(await first)
  expect(await first).toMatchObject({ drained: true })
  expect(closes).toBe(1)
})

test('a stop waits for a start only until its timeout; the start then gives up', async () => {
  const memory = memoryStorage()
  const { opened, open } = gate()
  let isOpen = false
  const storage = {
    ...bound(memory),
    open: async () => {
      await opened
      await memory.open()
      isOpen = true
    },
    close: async () => {
      await memory.close()
      isOpen = false
    },
  }
  const bus = createEventBus({ storage })
  const starting = expect(bus.start()).rejects.toMatchObject({ code: 'EVENTS_NOT_RUNNING' })
  expect(await bus.stop({ timeoutMs: 10 })).toMatchObject({ drained: true, closed: false })
  open()
  await starting
  expect([bus.running, isOpen]).toEqual([false, false])
  await bus.start()
  expect([bus.running, isOpen]).toEqual([true, true])
  await bus.stop()
})

test('a stop right after a start waits for it, and a start during a stop for that', async () => {
  const bus = createEventBus()
  const starting = bus.start()
  const stopping = bus.stop()
  const again = bus.start()
  expect(await stopping).toMatchObject({ drained: true, closed: true })
  await starting
  await again
  expect(bus.running).toBe(true)
  await bus.stop()
})

test('a start that outlasts its stop goes on when the bus is started again', async () => {
  const memory = memoryStorage()
  const { opened, open } = gate()
  let opens = 0
  const storage = {
    ...bound(memory),
    open: async () => {
      opens++
      await opened
      await memory.open()
    },
  }
  const bus = createEventBus({ storage })
  const starts = [bus.start()]
  expect(await bus.stop({ timeoutMs: 10 })).toMatchObject({ closed: false })
  starts.push(bus.start())
  open()
  await Promise.all(starts)
  expect([bus.running, opens]).toEqual([true, 1])
  expect(await bus.stop()).toMatchObject({ closed: true })
})
