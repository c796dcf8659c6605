import { expect, test } from 'vitest'
import { createEventBus } from '../../src/index.ts'
import type { CallOptions, ReadQuery, ReadResult } from '../../src/storage/contract/storage.ts'
import { memoryStorage } from '../../src/storage/memory/index.ts'

/** Creates a store whose reads last until they are aborted. */
function storeThatReadsOn() {
  const signals: AbortSignal[] = []
  const asked = Promise.withResolvers<void>()
  const storage = Object.assign(memoryStorage(), {
    read: (_query: ReadQuery, { signal }: CallOptions = {}) =>
      new Promise<ReadResult>((_, reject) => {
        if (signal === undefined) return
        signals.push(signal)
        signal.addEventListener('abort', () => reject(signal.reason))
        asked.resolve()
      }),
  })
  return { storage, signals, asked: asked.promise }
}

test('a read shared by feeds is aborted when the last of them is closed', async () => {
  const { storage, signals, asked } = storeThatReadsOn()
  const bus = createEventBus({ storage })
  await bus.start()
  await bus.publish({ type: 'a', source: 'test' })
  const filter = { types: ['rare'] }
  const feeds = [
    await bus.feed(filter, { from: 'beginning' }),
    await bus.feed(filter, { from: 'beginning' }),
  ] as const
  const reading = feeds.map((feed) => feed.next())
  await asked
  feeds[0].close()
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  feeds[1].close()
  expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  expect(await Promise.all(reading)).toEqual([undefined, undefined])
  await bus.stop()
})
