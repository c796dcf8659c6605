import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { type EventBus, memoryStorage } from '../../src/index.ts'
import { bound, gate, startedBus } from './setup.ts'

const info = { type: 'info', source: 'test' } as const
const feedsOf = (bus: EventBus) => bus.subscriptions().length
const END = { done: true, value: undefined }

/** Returns a stream that has read all events and waits for more. */
async function waitingStream(bus: EventBus) {
  const stream = bus.stream({ types: ['info'] })
  const waiting = stream.next()
  await expect.poll(() => feedsOf(bus)).toBe(1)
  return { stream, waiting }
}

describe('a waiting stream ends at once and leaves no feed open', () => {
  test('on return, for every waiting call', async () => {
    const bus = await startedBus()
    const { stream, waiting } = await waitingStream(bus)
    const alsoWaiting = stream.next()
    expect(await stream.return()).toEqual(END)
    expect(await Promise.all([waiting, alsoWaiting, stream.next()])).toEqual([END, END, END])
    expect(feedsOf(bus)).toBe(0)
  })

  test('on throw, and at the end of an `await using`', async () => {
    const bus = await startedBus()
    const { stream, waiting } = await waitingStream(bus)
    await expect(stream.throw(new Error('enough'))).rejects.toThrow('enough')
    expect(await waiting).toEqual(END)
    const { stream: other, waiting: others } = await waitingStream(bus)
    await other[Symbol.asyncDispose]()
    expect(await others).toEqual(END)
    expect(feedsOf(bus)).toBe(0)
  })

  test('when a consumer stops in a race', async () => {
    const bus = await startedBus()
    const { stream, waiting } = await waitingStream(bus)
    const late = Promise.resolve('late')
    expect(await Promise.race([waiting, late])).toBe('late')
    for await (const _ of { [Symbol.asyncIterator]: () => racing(stream, late) }) throw new Error('no event')
    expect(feedsOf(bus)).toBe(0)
  })

  test('when a Readable made from it is destroyed', async () => {
    const bus = await startedBus()
    for (const error of [undefined, new Error('enough')]) {
      const readable = Readable.from(bus.stream({}))
      const closed = new Promise<void>((resolve) => readable.once('close', resolve))
      readable.on('error', () => undefined).resume()
      await expect.poll(() => feedsOf(bus)).toBe(1)
      readable.destroy(error)
      await closed
      expect(feedsOf(bus)).toBe(0)
    }
  })

  test('on return of a feed’s own iterator', async () => {
    const bus = await startedBus()
    const items = (await bus.feed({}))[Symbol.asyncIterator]()
    await items.next()
    const waiting = items.next()
    expect(await items.return?.()).toEqual(END)
    expect(await waiting).toEqual(END)
    expect(feedsOf(bus)).toBe(0)
  })

  test('while it is being opened, even if the store does not respond', async () => {
    const { opened, open } = gate()
    const memory = memoryStorage()
    let isHanging = false
    const head = async () => {
      if (isHanging) await opened
      return memory.head()
    }
    const bus = await startedBus({ storage: { ...bound(memory), head } })
    isHanging = true
    const stream = bus.stream({})
    const waiting = stream.next()
    expect(await stream.return()).toEqual(END)
    expect(await waiting).toEqual(END)
    open()
    await expect.poll(() => feedsOf(bus)).toBe(0)
    expect((await bus.stats()).active_subscriptions).toBe(0)
  })
})

/** Returns an iterator that ends as soon as the other promise settles. */
function racing(stream: ReturnType<EventBus['stream']>, other: Promise<unknown>): AsyncIterator<unknown> {
  return {
    next: async () => {
      const result = await Promise.race([stream.next(), other.then(() => 'other' as const)])
      if (result !== 'other') return result
      await stream.return()
      return { done: true, value: undefined }
    },
  }
}

describe('a stream', () => {
  test('resolves overlapping calls in order, each with its own event', async () => {
    const bus = await startedBus()
    await bus.publishMany(Array.from({ length: 5 }, (_, n) => ({ ...info, id: `${n}` })))
    const stream = bus.stream({}, { from: 'beginning' })
    const calls = Array.from({ length: 7 }, () => stream.next())
    await bus.publish({ ...info, id: '5' })
    await bus.publish({ ...info, id: '6' })
    const ids = (await Promise.all(calls)).map(({ value }) => value?.id)
    expect(ids).toEqual(['0', '1', '2', '3', '4', '5', '6'])
    await stream.return()
  })

  test('that cannot be opened fails once and then has ended', async () => {
    const bus = await startedBus()
    const stream = bus.stream({}, { after: 7 })
    const [first, second] = await Promise.allSettled([stream.next(), stream.next()])
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'EVENTS_INVALID' } })
    expect(second).toEqual({ status: 'fulfilled', value: END })
    expect(await stream.next()).toEqual(END)
  })

  test('ends with the bus, after what it has read', async () => {
    const bus = await startedBus()
    const { waiting, stream } = await waitingStream(bus)
    bus.publishAsync(info)
    const stopped = bus.stop()
    expect(await waiting).toMatchObject({ done: false })
    expect(await stream.next()).toEqual(END)
    await stopped
  })
})
