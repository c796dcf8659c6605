import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { type EventBusOptions, type FeedItem, memoryStorage } from '../../src/index.ts'
import { startedBus } from './setup.ts'

const who = new AsyncLocalStorage<string>()
const info = { type: 'info', source: 'test' } as const

/** Publishes in several contexts, each of which wakes the writer at some time, and waits until `seen` has some entries. */
async function publishAsOthers(bus: Awaited<ReturnType<typeof startedBus>>, count = 50): Promise<void> {
  const publishers = Array.from({ length: count }, (_, n) =>
    who.run(`publisher ${n}`, async () => {
      bus.publishAsync({ ...info, data: { n: n % 3 } })
      await bus.publish({ ...info, data: { n: n % 3 } })
    }),
  )
  await Promise.all(publishers)
}

const KINDS: readonly [string, EventBusOptions, object][] = [
  ['live', {}, {}],
  ['live, of events that are not stored', { persist: 'none' }, {}],
  ['live, with concurrency', {}, { concurrency: 4, orderBy: () => who.getStore() ?? 'nobody' }],
  ['durable', {}, { durable: 'd', from: 'beginning' }],
  ['durable, in partitions', {}, { durable: 'd', partitions: 2, orderBy: () => who.getStore() ?? 'nobody' }],
]

test.each(KINDS)(
  'a handler runs in the context of its subscriber, retries too (%s)',
  async (_, settings, options) => {
    const bus = await startedBus({ storage: memoryStorage(), ...settings })
    const seen: (string | undefined)[] = []
    const attempts = new Map<string, number>()
    const handler = async ({ id }: { id: string }) => {
      seen.push(who.getStore())
      // A context that a handler enters ends with its call.
      who.enterWith('the handler of before')
      const attempt = (attempts.get(id) ?? 0) + 1
      attempts.set(id, attempt)
      if (attempt === 1 && attempts.size % 5 === 0) throw new Error('no')
    }
    const retry = { attempts: 2, minDelayMs: 1, maxDelayMs: 1 }
    await who.run('subscriber', () => bus.subscribe('info', handler, { ...options, retry }))
    await publishAsOthers(bus)
    await expect.poll(() => seen.length).toBe(120)
    expect(new Set(seen)).toEqual(new Set(['subscriber']))
  },
)

test('orderBy and onEnd run in the context of the subscriber', async () => {
  const bus = await startedBus()
  const seen: string[] = []
  const subscribe = async (name: string, options: object) => {
    const note = (what: string) => seen.push(`${who.getStore()}: ${what}`)
    const orderBy = () => note('orderBy')
    await bus.subscribe('info', () => 1, { orderBy, concurrency: 2, onEnd: () => note('onEnd'), ...options })
    return name
  }
  await who.run('one', () => subscribe('one', {}))
  await who.run('two', () => subscribe('two', { durable: 'd' }))
  await who.run('publisher', () => bus.publish(info))
  await expect.poll(() => seen.toSorted()).toEqual(['one: orderBy', 'two: orderBy'])
  await who.run('stopper', () => bus.stop())
  expect(seen.toSorted()).toEqual(['one: onEnd', 'one: orderBy', 'two: onEnd', 'two: orderBy'])
})

test('readers of feeds and streams run in their own context', async () => {
  const bus = await startedBus()
  const seen: (string | undefined)[] = []
  const note = () => {
    seen.push(who.getStore())
    return undefined
  }
  await bus.publish(info)
  await who.run('reader', async () => {
    const feed = await bus.feed({}, { from: 'beginning' })
    const receive = (item: FeedItem) => (item.kind === 'events' ? note() : undefined)
    void feed.follow(receive)
  })
  const stream = who.run('reader', () => bus.stream({}, { from: 'beginning', onNotice: note }))
  // Notices run in the context of the stream's creator, whichever context asks for the next event.
  await who.run('another', () => stream.next())
  const next = who.run('another', () => stream.next())
  await publishAsOthers(bus, 10)
  await next
  await expect.poll(() => seen.length).toBeGreaterThan(2)
  expect(new Set(seen)).toEqual(new Set(['reader']))
  await stream.return()
})
