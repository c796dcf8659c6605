import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type EventBus,
  type EventFeed,
  type FeedItem,
  type FeedOptions,
  memoryStorage,
  type PublishedEvent,
  type StreamNotice,
} from '../../src/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { temporaryPath } from '../storage/sqlite/setup.ts'
import { bound, startedBus } from './setup.ts'

const input = (n: number, type = 'a') => ({ type, source: 'x', data: { n } })
const inputs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => input(from + i))
const numberOf = (event: PublishedEvent) => event.data.n
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

async function openFeed(
  bus: EventBus,
  filter: Parameters<EventBus['feed']>[0] = {},
  options: FeedOptions = {},
): Promise<EventFeed> {
  const feed = await bus.feed(filter, options)
  onTestFinished(() => feed.close())
  return feed
}

/** Returns the items up to the one that a test waits for. */
async function until(feed: EventFeed, isLast: (item: FeedItem) => boolean): Promise<FeedItem[]> {
  const items: FeedItem[] = []
  for (let item = await feed.next(); item !== undefined; item = await feed.next()) {
    items.push(item)
    if (isLast(item)) return items
  }
  throw new Error('the feed ended')
}

const isCaughtUp = (item: FeedItem) => item.kind === 'caught_up'
const holds = (n: number) => (item: FeedItem) =>
  item.kind === 'events' && item.events.some((event) => event.data.n === n)
const eventsOf = (items: readonly FeedItem[]) =>
  items.flatMap((item) => (item.kind === 'events' ? item.events : []))
const noticesOf = (items: readonly FeedItem[]) => items.filter(({ kind }) => kind !== 'events')

describe('a feed', () => {
  test('starts with what is published from now on by default', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 5))
    const feed = await openFeed(bus)
    expect(await feed.next()).toEqual({ kind: 'caught_up', position: 5 })
    await bus.publish(input(6))
    expect(await feed.next()).toMatchObject({ kind: 'events', events: [{ data: { n: 6 } }], position: 6 })
  })

  test('starts after a position, or with the oldest event kept', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 1_000))
    const numbers = async (options: FeedOptions) =>
      eventsOf(await until(await openFeed(bus, {}, options), isCaughtUp)).map(numberOf)
    expect(await numbers({ after: 900 })).toEqual(range(901, 1_000))
    expect(await numbers({ after: 1_000 })).toEqual([])
    expect(await numbers({ from: 'beginning' })).toEqual(range(1, 1_000))
  })

  test.each([
    [{ after: 6 }, 'after must not lie beyond the end of the log, 5, as 6 does'],
    [{ after: -1 }, 'after must be an integer'],
    [{ from: 'end' }, "from must be one of 'beginning', 'now'"],
    [{ unknown: 1 }, 'unknown is not a known option'],
  ])('rejects %j, and nothing stays open', async (options, message) => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 5))
    await expect(bus.feed({}, options as FeedOptions)).rejects.toThrow(message)
    expect((await bus.stats()).active_subscriptions).toBe(0)
  })

  test('rejects an invalid filter, and fails if the bus is not running', async () => {
    const bus = await startedBus()
    await expect(bus.feed({ types: [] })).rejects.toMatchObject({ code: 'EVENTS_INVALID' })
    await bus.stop()
    await expect(bus.feed({})).rejects.toMatchObject({ code: 'EVENTS_NOT_RUNNING' })
  })
})

describe('history, then live', () => {
  test.each([
    ['memory', () => memoryStorage({ capacity: 100_000 })],
    ['SQLite', () => sqliteStorage({ path: temporaryPath() })],
  ])('10,000 events during the transition: each once, in order (%s)', async (_name, createStore) => {
    const bus = await startedBus({ storage: createStore() })
    await bus.publishMany(inputs(1, 5_000))
    const feeds = await Promise.all(
      [0, 2_500, 4_999].map(async (after) => ({ after, feed: await openFeed(bus, {}, { after }) })),
    )
    const publishing = (async () => {
      for (let n = 5_001; n <= 15_000; n += 50) await bus.publishMany(inputs(n, n + 49))
    })()
    const late = { after: 5_000, feed: await openFeed(bus, {}, { after: 5_000 }) }
    for (const { after, feed } of [...feeds, late]) {
      const seen = eventsOf(await until(feed, holds(15_000))).map(numberOf)
      expect(seen).toEqual(range(after + 1, 15_000))
    }
    await publishing
  })

  test('caught_up is sent once, between history and live', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 600))
    const feed = await openFeed(bus, {}, { from: 'beginning' })
    const history = await until(feed, isCaughtUp)
    expect(history.at(-1)).toEqual({ kind: 'caught_up', position: 600 })
    for (let n = 601; n <= 650; n++) await bus.publish(input(n))
    expect(noticesOf(await until(feed, holds(650)))).toEqual([])
  })

  test('caught_up comes at once where no stored event matches', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 5))
    const filter = { types: ['b'] }
    const feed = await openFeed(bus, filter, { from: 'beginning' })
    expect(await feed.next()).toEqual({ kind: 'caught_up', position: 5 })
    const kinds: string[] = []
    const followed = await openFeed(bus, filter, { from: 'beginning' })
    void followed.follow(({ kind }) => void kinds.push(kind))
    await expect.poll(() => kinds).toEqual(['caught_up'])
    await bus.publish(input(6, 'b'))
    await expect.poll(() => kinds).toEqual(['caught_up', 'events'])
  })

  test('only matching events, and live-only events while it is live', async () => {
    const bus = await startedBus({ persist: (event) => event.type !== 'live' })
    await bus.publishMany([input(1), input(2, 'b'), input(3)])
    const feed = await openFeed(bus, { types: ['b', 'live'] }, { from: 'beginning' })
    expect(eventsOf(await until(feed, isCaughtUp)).map(numberOf)).toEqual([2])
    await bus.publish(input(4, 'live'))
    await bus.publish(input(5))
    await bus.publish(input(6, 'b'))
    expect(eventsOf(await until(feed, holds(6))).map(numberOf)).toEqual([4, 6])
  })

  test('expired events are left out, of those stored and those waiting', async () => {
    let nowMs = Date.now()
    const bus = await startedBus({ now: () => nowMs })
    const feed = await openFeed(bus)
    await until(feed, isCaughtUp)
    await bus.publish({ ...input(1), ttl: 1_000 })
    nowMs += 2_000
    await bus.publish(input(2))
    expect(eventsOf(await until(feed, holds(2))).map(numberOf)).toEqual([2])
  })

  test('events that another process appends are delivered too', async () => {
    const path = temporaryPath()
    const [bus, other] = [
      await startedBus({ storage: sqliteStorage({ path }) }),
      await startedBus({ storage: sqliteStorage({ path }) }),
    ]
    const feed = await openFeed(bus, {}, { from: 'beginning' })
    await until(feed, isCaughtUp)
    for (let n = 1; n <= 40; n++) await (n % 2 === 0 ? bus : other).publish(input(n))
    const seen = eventsOf(await until(feed, (item) => item.kind === 'events' && item.position === 40))
    expect(seen.map(({ position }) => position)).toEqual(range(1, 40))
  })
})

describe('a slow reader', () => {
  test('costs no memory, and finally gets all events from the store', async () => {
    const bus = await startedBus()
    const [slow, fast] = [await openFeed(bus), await openFeed(bus)]
    await Promise.all([until(slow, isCaughtUp), until(fast, isCaughtUp)])
    for (let n = 1; n <= 15_000; n += 500) {
      await bus.publishMany(inputs(n, n + 499))
      await until(fast, holds(n + 499))
    }
    const items = await until(slow, holds(15_000))
    expect(noticesOf(items).map(({ kind }) => kind)).toEqual(['fell_behind', 'caught_up'])
    expect(eventsOf(items).map(numberOf)).toEqual(range(1, 15_000))
  })

  test('also falls behind by size: large events are not kept for it', async () => {
    const bus = await startedBus()
    const feed = await openFeed(bus)
    await until(feed, isCaughtUp)
    const blob = 'x'.repeat(200_000)
    for (let n = 1; n <= 80; n++) await bus.publish({ ...input(n), data: { n, blob } })
    const items = await until(feed, holds(80))
    expect(noticesOf(items).map(({ kind }) => kind)).toEqual(['fell_behind', 'caught_up'])
    expect(eventsOf(items).map(numberOf)).toEqual(range(1, 80))
    // A slice holds little more than a quarter of a mebibyte, once the size of events is known.
    expect(items.slice(3).every((item) => item.kind !== 'events' || item.events.length <= 2)).toBe(true)
  })

  test('readers of one filter that keep up get the same array', async () => {
    const bus = await startedBus()
    const filter = { types: ['a'], minPriority: 1 }
    const feeds = await Promise.all([openFeed(bus, filter), openFeed(bus, { minPriority: 1, types: ['a'] })])
    await Promise.all(feeds.map((feed) => until(feed, isCaughtUp)))
    await bus.publishMany(inputs(1, 10))
    const [[one], [two]] = await Promise.all([until(feeds[0], holds(10)), until(feeds[1], holds(10))])
    expect(one?.kind === 'events' && two?.kind === 'events' && one.events === two.events).toBe(true)
  })

  test('pages that many readers need are read from the store once', async () => {
    const storage = memoryStorage({ capacity: 100_000 })
    let reads = 0
    const counting = {
      ...bound(storage),
      read: (options: Parameters<typeof storage.read>[0]) => {
        reads++
        return storage.read(options)
      },
    }
    const bus = await startedBus({ storage: counting, pollIntervalMs: 60_000 })
    await bus.publishMany(inputs(1, 1_000))
    const before = reads
    const feeds = await Promise.all(range(1, 100).map(() => openFeed(bus, {}, { from: 'beginning' })))
    await Promise.all(feeds.map((feed) => until(feed, isCaughtUp)))
    expect(reads - before).toBeLessThan(20)
  })
})

describe('a range that retention has removed', () => {
  test('is reported as one gap, and the rest follows', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 100))
    await bus.clear()
    await bus.publishMany(inputs(101, 110))
    const items = await until(await openFeed(bus, {}, { after: 40 }), isCaughtUp)
    expect(noticesOf(items)).toEqual([
      { kind: 'gap', from: 41, to: 100 },
      { kind: 'caught_up', position: 110 },
    ])
    expect(items[0]?.kind).toBe('gap')
    expect(eventsOf(items).map(numberOf)).toEqual(range(101, 110))
  })

  test('is no gap for a reader that had all of it, or that starts with the oldest event kept', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 100))
    await bus.clear()
    await bus.publish(input(101))
    for (const options of [{ after: 100 }, { from: 'beginning' }] as const) {
      const items = await until(await openFeed(bus, {}, options), isCaughtUp)
      expect(noticesOf(items)).toEqual([{ kind: 'caught_up', position: 101 }])
    }
  })

  test('is reported to a slow reader whose events were removed meanwhile', async () => {
    const storage = memoryStorage({ capacity: 2_000 })
    const bus = await startedBus({ storage })
    const feed = await openFeed(bus)
    await until(feed, isCaughtUp)
    for (let n = 1; n <= 15_000; n += 500) await bus.publishMany(inputs(n, n + 499))
    const items = await until(feed, holds(15_000))
    expect(noticesOf(items).slice(0, 2)).toEqual([
      { kind: 'fell_behind', position: 0 },
      { kind: 'gap', from: 1, to: 13_000 },
    ])
    expect(eventsOf(items).map(numberOf)).toEqual(range(13_001, 15_000))
  })
})

describe('a reader’s position', () => {
  test('advances past events that do not match, never past events that were not taken', async () => {
    const bus = await startedBus()
    const feed = await openFeed(bus, { types: ['wanted'] })
    await until(feed, isCaughtUp)
    const next = feed.next()
    await bus.publishMany(inputs(1, 500))
    await expect.poll(() => feed.position).toBe(500)
    await bus.publishMany([input(501, 'wanted'), input(502, 'wanted'), input(503)])
    expect(await next).toMatchObject({ kind: 'events', position: 502 })
    expect(feed.position).toBe(502)
    await bus.publish(input(504, 'wanted'))
    await bus.publishMany(inputs(505, 600))
    expect(feed.position).toBe(502)
    await feed.next()
    void feed.next()
    await expect.poll(() => feed.position).toBe(600)
  })

  test('is listed with the number of waiting events', async () => {
    const bus = await startedBus()
    const feed = await openFeed(bus, { types: ['a'] }, { name: 'test', subscriber: 'me' })
    await until(feed, isCaughtUp)
    await bus.publishMany(inputs(1, 3))
    expect(bus.subscriptions()).toMatchObject([
      { name: 'test', subscriber: 'me', filter: { types: ['a'] }, lag: 3, in_flight: 0, trigger_count: 0 },
    ])
    await feed.next()
    expect(bus.subscriptions()).toMatchObject([{ lag: 0, in_flight: 3, trigger_count: 3 }])
    feed.close()
    expect(bus.subscriptions()).toEqual([])
  })
})

describe('the end of a feed', () => {
  test('a stopping bus delivers what it has, then ends every feed', async () => {
    const bus = await startedBus()
    const feed = await openFeed(bus)
    await until(feed, isCaughtUp)
    for (const n of range(1, 10)) bus.publishAsync(input(n))
    const stopping = bus.stop()
    const items: FeedItem[] = []
    for await (const item of feed) items.push(item)
    expect(eventsOf(items).map(numberOf)).toEqual(range(1, 10))
    await stopping
  })

  test('a reader far behind does not hold up the stop', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 5_000))
    const feed = await openFeed(bus, {}, { from: 'beginning' })
    await feed.next()
    const stopping = bus.stop({ timeoutMs: 60_000 })
    while ((await feed.next()) !== undefined);
    await stopping
  })

  test('closing releases a waiting reader', async () => {
    const bus = await startedBus()
    const feed = await openFeed(bus)
    await until(feed, isCaughtUp)
    const next = feed.next()
    feed.close()
    expect(await next).toBeUndefined()
  })

  test('a failing store is read again without loss', async () => {
    const storage = memoryStorage({ capacity: 100_000 })
    let failures = 3
    const failing = {
      ...bound(storage),
      read: async (options: Parameters<typeof storage.read>[0]) => {
        if (failures-- > 0) throw new Error('away')
        return storage.read(options)
      },
    }
    const bus = await startedBus({ storage: failing })
    await bus.publishMany(inputs(1, 100))
    const items = await until(await openFeed(bus, {}, { from: 'beginning' }), isCaughtUp)
    expect(eventsOf(items).map(numberOf)).toEqual(range(1, 100))
    expect(failures).toBeLessThan(0)
  })
})

describe('stream', () => {
  test('delivers only the events, one by one, with notices on request', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 3))
    const notices: StreamNotice[] = []
    const onNotice = (notice: StreamNotice) => {
      notices.push(notice)
      if (notice.kind === 'caught_up') void bus.publish(input(4))
    }
    const seen: unknown[] = []
    for await (const event of bus.stream({}, { after: 1, onNotice })) {
      seen.push(event.data.n)
      if (event.data.n === 4) break
    }
    expect(seen).toEqual([2, 3, 4])
    expect(notices).toEqual([{ kind: 'caught_up', position: 3 }])
    expect(bus.subscriptions()).toEqual([])
  })

  test('ends when its signal aborts: before it starts, while it waits, and between two events', async () => {
    const bus = await startedBus()
    const collect = async (signal: AbortSignal, on?: (n: unknown) => void) => {
      const seen: unknown[] = []
      for await (const { data } of bus.stream({}, { from: 'beginning', signal })) {
        seen.push(data.n)
        on?.(data.n)
      }
      return seen
    }
    expect(await collect(AbortSignal.abort())).toEqual([])
    const waiting = new AbortController()
    const ended = collect(waiting.signal)
    await expect.poll(() => bus.subscriptions().length).toBe(1)
    waiting.abort()
    expect(await ended).toEqual([])
    await bus.publishMany(inputs(1, 10))
    const between = new AbortController()
    expect(await collect(between.signal, (n) => n === 5 && between.abort())).toEqual(range(1, 5))
    expect(bus.subscriptions()).toEqual([])
  })
})

describe('a feed that is followed', () => {
  test('delivers history and then live events, each once and in order', async () => {
    const bus = await startedBus()
    await bus.publishMany(inputs(1, 20))
    const feed = await openFeed(bus, {}, { from: 'beginning' })
    const items: FeedItem[] = []
    const following = feed.follow((item) => {
      items.push(item)
      return undefined
    })
    await expect.poll(() => items.some(isCaughtUp)).toBe(true)
    await bus.publishMany(inputs(21, 30))
    await bus.publish(input(31))
    const numbers = () => items.flatMap((item) => (item.kind === 'events' ? item.events.map(numberOf) : []))
    await expect.poll(numbers).toEqual(range(1, 31))
    feed.close()
    await following
  })

  test('delivers nothing while its reader asks it to wait', async () => {
    const bus = await startedBus()
    const feed = await openFeed(bus)
    const kinds: string[] = []
    let goOn = () => {}
    void feed.follow((item) => {
      kinds.push(item.kind)
      return item.kind === 'events' ? new Promise<void>((resolve) => (goOn = resolve)) : undefined
    })
    await bus.publish(input(1))
    await expect.poll(() => kinds).toEqual(['caught_up', 'events'])
    await bus.publish(input(2))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(kinds).toEqual(['caught_up', 'events'])
    expect(feed.lag).toBe(1)
    goOn()
    await expect.poll(() => kinds).toEqual(['caught_up', 'events', 'events'])
  })

  test('gives readers of one filter the same events, and one that throws disturbs no other', async () => {
    const bus = await startedBus()
    const [broken, first, second] = [await openFeed(bus), await openFeed(bus), await openFeed(bus)]
    const got = new Map<EventFeed, readonly PublishedEvent[]>()
    const failing = broken.follow((item) => {
      if (item.kind === 'events') throw new Error('cannot be written')
      return undefined
    })
    for (const feed of [first, second]) {
      void feed.follow((item) => {
        if (item.kind === 'events') got.set(feed, item.events)
        return undefined
      })
    }
    await bus.publish(input(1))
    await expect(failing).rejects.toThrow('cannot be written')
    await broken.ended
    await expect.poll(() => got.size).toBe(2)
    expect(got.get(first)).toBe(got.get(second))
  })

  test('ends with the bus, after everything published before', async () => {
    const bus = await startedBus()
    const feed = await openFeed(bus)
    const numbers: unknown[] = []
    const following = feed.follow((item) => {
      if (item.kind === 'events') numbers.push(...item.events.map(numberOf))
      return undefined
    })
    await bus.publishMany(inputs(1, 3))
    await bus.stop()
    await following
    expect(numbers).toEqual(range(1, 3))
  })
})
