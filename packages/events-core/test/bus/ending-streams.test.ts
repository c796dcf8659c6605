import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { type EventBus, memoryStorage } from '../../src/index.ts'
import { bound, gate, startedBus } from './setup.ts'

const info = { type: 'info', source: 'test' } as const
const feedsOf = (bus: EventBus) => bus.subscriptions().length
const END = { done: true, value: undefined }

/** A stream that has read all there is and waits for more. */
async function waitingStream(bus: EventBus) {
  const stream = bus.stream({ types: ['info'] })
  const waiting = stream.next()
  await expect.poll(() => feedsOf(bus)).toBe(1)
  return { stream, waiting }
}

describe('a stream that waits is ended at once, and leaves no feed open', () => {
  test('by return, for every call that waits', async () => {
    const bus = await startedBus()
    const { stream, waiting } = await waitingStream(bus)
    const alsoWaiting = stream.next()
    expect(await stream.return()).toEqual(END)
    expect(await Promise.all([waiting, alsoWaiting, stream.next()])).toEqual([END, END, END])
    expect(feedsOf(bus)).toBe(0)
  })

  test('by throw, and by the end of an `await using`', async () => {
    const bus = await startedBus()
    const { stream, waiting } = await waitingStream(bus)
    await expect(stream.throw(new Error('enough'))).rejects.toThrow('enough')
    expect(await waiting).toEqual(END)
    const { stream: other, waiting: others } = await waitingStream(bus)
    await other[Symbol.asyncDispose]()
    expect(await others).toEqual(END)
    expect(feedsOf(bus)).toBe(0)
  })

  test('by a consumer that races', async () => {
    const bus = await startedBus()
    const { stream, waiting } = await waitingStream(bus)
    const late = Promise.resolve('late')
    expect(await Promise.race([waiting, late])).toBe('late')
    for await (const _ of { [Symbol.asyncIterator]: () => racing(stream, late) }) throw new Error('no event')
    expect(feedsOf(bus)).toBe(0)
  })

  test('by the destruction of a Readable that is made of it', async () => {
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

  test('by the return of a feed’s own iterator', async () => {
    const bus = await startedBus()
    const items = (await bus.feed({}))[Symbol.asyncIterator]()
    await items.next()
    const waiting = items.next()
    expect(await items.return?.()).toEqual(END)
    expect(await waiting).toEqual(END)
    expect(feedsOf(bus)).toBe(0)
  })

  test('while it is being opened, also by a store that does not answer', async () => {
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

/** An iterator that ends as soon as something else comes. */
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
  test('answers calls that overlap in order, each with an event of its own', async () => {
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

  test('that cannot be opened fails once, and is at its end then', async () => {
    const bus = await startedBus()
    const stream = bus.stream({}, { after: 7 })
    const [first, second] = await Promise.allSettled([stream.next(), stream.next()])
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'EVENTS_INVALID' } })
    expect(second).toEqual({ status: 'fulfilled', value: END })
    expect(await stream.next()).toEqual(END)
  })

  test('ends with the bus, with what it has read', async () => {
    const bus = await startedBus()
    const { waiting, stream } = await waitingStream(bus)
    bus.publishAsync(info)
    const stopped = bus.stop()
    expect(await waiting).toMatchObject({ done: false })
    expect(await stream.next()).toEqual(END)
    await stopped
  })
})
