import { expect, test } from 'vitest'
import { startedBus, storageWithAppend } from './setup.ts'

const info = { type: 'info', source: 'test' } as const

/** A signal whose class is not this realm's, as in web pages, jsdom and polyfills. */
class ForeignSignal extends EventTarget {
  aborted = false
  reason: unknown

  abort(reason: unknown): void {
    this.aborted = true
    this.reason = reason
    this.dispatchEvent(new Event('abort'))
  }
}

/** Casts, because the options' type requires this realm's class. */
const asSignal = (signal: ForeignSignal) => signal as unknown as AbortSignal

test('a signal from another realm withdraws a publish', async () => {
  const never = new Promise<never>(() => undefined)
  const bus = await startedBus({ storage: storageWithAppend(() => never), publishTimeoutMs: 60_000 })
  const signal = new ForeignSignal()
  bus.publishAsync(info)
  await new Promise((resolve) => setImmediate(resolve))
  const waiting = bus.publish(info, { signal: asSignal(signal) })
  const many = bus.publishMany([info], { signal: asSignal(signal) })
  signal.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  await expect(many).rejects.toThrow('enough')
  await expect(bus.publish(info, { signal: asSignal(signal) })).rejects.toThrow('enough')
})

test('a signal from another realm ends a stream', async () => {
  const bus = await startedBus()
  const signal = new ForeignSignal()
  const stream = bus.stream({}, { signal: asSignal(signal) })
  const waiting = stream.next()
  await expect.poll(() => bus.subscriptions()).toHaveLength(1)
  signal.abort(new Error('enough'))
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(bus.subscriptions()).toEqual([])
})

test.each([[{}], ['aborted'], [{ aborted: false }], [{ addEventListener: () => undefined }]])(
  '%j is no signal',
  async (signal) => {
    const bus = await startedBus()
    const options = { signal: signal as AbortSignal }
    await expect(bus.publish(info, options)).rejects.toThrow('signal must be an AbortSignal')
    await expect(bus.stream({}, options).next()).rejects.toThrow('signal must be an AbortSignal')
  },
)
