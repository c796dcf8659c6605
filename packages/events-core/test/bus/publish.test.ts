import { describe, expect, test } from 'vitest'
import { createTypeRegistry } from '../../src/catalogue/schemas.ts'
import { createEventBus, type EventBusOptions, type EventInput, EventsError } from '../../src/index.ts'
import { gate, recordingMetrics, startedBus, storageWithAppend } from './setup.ts'

const info: EventInput<'info'> = { type: 'info', source: 'test' }

describe('publish', () => {
  test('resolves once the event is stored, with its id and position', async () => {
    const bus = await startedBus()
    const receipt = await bus.publish({ type: 'info', source: 'test', title: 'Hello' })
    expect(receipt).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      position: 1,
      duplicate: false,
    })
    expect(await bus.get(receipt.id)).toMatchObject({ title: 'Hello', position: 1 })
  })

  test('fills in the defaults and the type’s priority', async () => {
    const bus = await startedBus({ now: () => Date.UTC(2030, 0, 31) })
    const { id } = await bus.publish(info)
    expect(await bus.get(id)).toMatchObject({
      target: '',
      title: '',
      message: '',
      data: {},
      tags: [],
      priority: 5,
      timestamp: '2030-01-31T00:00:00.000Z',
    })
    const failure = await bus.publish({ type: 'error', source: 'test' })
    expect((await bus.get(failure.id))?.priority).toBe(10)
  })

  test('assigns positions in the order of the calls', async () => {
    const bus = await startedBus()
    const receipts = await Promise.all(Array.from({ length: 500 }, () => bus.publish(info)))
    expect(receipts.map((receipt) => receipt.position)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  })

  test('writes the events published during a write as one batch', async () => {
    const sizes: number[] = []
    const storage = storageWithAppend(async (append, records) => {
      sizes.push(records.length)
      await new Promise((resolve) => setImmediate(resolve))
      return append(records)
    })
    const bus = await startedBus({ storage, batchEvents: 60 })
    const first = bus.publish(info)
    await Promise.resolve()
    await Promise.all([first, ...Array.from({ length: 100 }, () => bus.publish(info))])
    expect(sizes).toEqual([1, 60, 40])
  })

  test('stores an id once and delivers it once', async () => {
    const bus = await startedBus()
    const seen: string[] = []
    await bus.subscribe('*', (event) => seen.push(event.id))
    const first = await bus.publish({ ...info, id: 'mine' })
    const again = await bus.publish({ ...info, id: 'mine', title: 'another' })
    expect([first, again]).toEqual([
      { id: 'mine', position: 1, duplicate: false },
      { id: 'mine', position: 1, duplicate: true },
    ])
    expect(await bus.count()).toBe(1)
    expect(seen).toEqual(['mine'])
  })

  test('hides the publisher’s later changes from readers', async () => {
    const bus = await startedBus()
    const data = { list: [1], nested: { a: 1 } }
    const { id } = await bus.publish({ type: 'x', source: 'test', data })
    data.nested.a = 2
    data.list.push(2)
    expect((await bus.get(id))?.data).toEqual({ list: [1], nested: { a: 1 } })
  })

  test('a handler that mutates its event fails, and no other sees the change', async () => {
    const bus = await startedBus()
    const seen: unknown[] = []
    await bus.subscribe('x', (event) => Object.assign(event.data, { a: 2 }), { retry: { attempts: 1 } })
    await bus.subscribe('x', (event) => seen.push(event.data))
    await bus.publish({ type: 'x', source: 'test', data: { a: 1 } })
    await expect.poll(() => seen).toEqual([{ a: 1 }])
    expect(bus.subscriptions()[0]?.errors).toBe(1)
  })

  test('counts and stores a payload that differs from its built-in type', async () => {
    const metrics = recordingMetrics()
    const bus = await startedBus({ metrics, registry: createTypeRegistry() })
    const data = { progress: 'half' } as unknown as { scan_id: string } // What a publisher without types might send.
    await bus.publish({ type: 'scan.progress', source: 'test', data } as EventInput)
    await bus.publish({ type: 'info', source: 'test' })
    expect(metrics.calls.filter(([name]) => name === 'payloadMismatch')).toEqual([
      ['payloadMismatch', 'scan.progress'],
    ])
    expect(await bus.count()).toBe(2)
  })
})

describe('publishMany', () => {
  test('stores a batch in order, with adjacent positions', async () => {
    const bus = await startedBus()
    const [before, receipts] = await Promise.all([
      bus.publish(info),
      bus.publishMany([info, { ...info, id: 'b' }, info]),
      bus.publish(info),
    ])
    expect([before.position, ...receipts.map((receipt) => receipt.position)]).toEqual([1, 2, 3, 4])
  })

  test('stores nothing if one event is invalid, and names that event', async () => {
    const bus = await startedBus()
    const failure = bus.publishMany([info, { ...info, type: 'Wrong Type' }, { ...info, source: '' }])
    await expect(failure).rejects.toMatchObject({
      code: 'EVENTS_INVALID',
      issues: [{ path: '1.type' }, { path: '2.source' }],
    })
    expect(await bus.count()).toBe(0)
  })

  test('accepts an empty array and rejects one that is too long', async () => {
    const bus = await startedBus()
    expect(await bus.publishMany([])).toEqual([])
    await expect(bus.publishMany(Array.from({ length: 10_001 }, () => info))).rejects.toThrow(
      'at most 10000 at once',
    )
  })

  test('is not split, however small batches are', async () => {
    const sizes: number[] = []
    const storage = storageWithAppend((append, records) => {
      sizes.push(records.length)
      return append(records)
    })
    const bus = await startedBus({ storage, batchEvents: 2 })
    await Promise.all([bus.publish(info), bus.publishMany([info, info, info]), bus.publish(info)])
    expect(sizes).toEqual([1, 3, 1])
  })
})

describe('live-only events', () => {
  test('reach subscribers in publish order and are not stored', async () => {
    const bus = await startedBus({ persist: (event) => event.type !== 'playback.progress' })
    const seen: [string, number | undefined][] = []
    await bus.subscribe('*', (event) => seen.push([event.type, event.position]))
    const receipts = await Promise.all([
      bus.publish(info),
      bus.publish({ type: 'playback.progress', source: 'test' } as EventInput),
      bus.publish(info),
    ])
    expect(receipts[1]).toEqual({ id: expect.any(String), duplicate: false })
    await expect.poll(() => seen.length).toBe(3)
    expect(seen).toEqual([
      ['info', 1],
      ['playback.progress', undefined],
      ['info', 2],
    ])
    expect(await bus.count()).toBe(2)
  })

  test('wait for an earlier event that is being stored', async () => {
    const write = gate()
    const storage = storageWithAppend(async (append, records) => {
      await write.opened
      return append(records)
    })
    const bus = await startedBus({ storage, persist: (event) => event.type === 'info' })
    const seen: string[] = []
    await bus.subscribe('*', (event) => seen.push(event.type))
    bus.publishAsync(info)
    // The write has begun.
    await new Promise((resolve) => setImmediate(resolve))
    bus.publishAsync({ type: 'debug', source: 'test' })
    const published = bus.publish({ type: 'warning', source: 'test' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([])
    write.open()
    await published
    await expect.poll(() => seen).toEqual(['info', 'debug', 'warning'])
  })

  test('of one turn are delivered in batches, so that a short subscription queue has room for all', async () => {
    const bus = await startedBus({ persist: 'none', batchEvents: 10 })
    const seen: unknown[] = []
    await bus.subscribe('*', ({ data }) => seen.push(data.n), { queueEvents: 10 })
    for (let n = 0; n < 100; n++) bus.publishAsync({ ...info, data: { n } })
    await expect.poll(() => seen.length).toBe(100)
    expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })
})

const cyclic: Record<string, unknown> = {}
cyclic.self = cyclic
const deep = (levels: number): unknown => (levels === 0 ? 1 : { in: deep(levels - 1) })

/** Field, value and message. */
const BAD: readonly (readonly [string, unknown, RegExp])[] = [
  ['type', 'scan started', /dot-separated words/],
  ['type', 'scän', /dot-separated words/],
  ['type', 'scan..x', /dot-separated words/],
  ['type', '', /dot-separated words/],
  ['type', 'a'.repeat(129), /at most 128/],
  ['type', undefined, /dot-separated words/],
  ['source', '', /1 to 256 characters/],
  ['source', undefined, /1 to 256 characters/],
  ['source', 's'.repeat(257), /1 to 256 characters/],
  ['id', '', /1 to 128 printable/],
  ['id', 'a\nb', /1 to 128 printable/],
  ['id', '.', /URLs remove from a path/],
  ['id', '..', /URLs remove from a path/],
  ['source', 'half \ud83d', /half of a surrogate pair/],
  ['title', 'half \ud83d', /half of a surrogate pair/],
  ['tags', ['half \ud83d'], /half of a surrogate pair/],
  ['target', 5, /at most 256/],
  ['title', 't'.repeat(513), /at most 512/],
  ['message', 'm'.repeat(8193), /at most 8192/],
  ['priority', 101, /0 to 100/],
  ['priority', 1.5, /0 to 100/],
  ['priority', '5', /0 to 100/],
  ['tags', 'a', /array of strings/],
  ['tags', [''], /1 to 64 characters/],
  ['tags', Array.from({ length: 33 }, () => 'a'), /at most 32 tags/],
  ['timestamp', 'yesterday', /RFC 3339/],
  ['timestamp', '2023-02-30T00:00:00Z', /RFC 3339/],
  ['timestamp', '2999-01-01T00:00:00Z', /in the future/],
  ['ttl', 0, /at least|from 1/],
  ['ttl', Number.POSITIVE_INFINITY, /integer/],
  ['correlation_id', '', /printable/],
  ['traceparent', '00-0-0-00', /traceparent/],
  ['extensions', [], /must be an object/],
  ['extensions', { id: 'a' }, /carries the event's field id/],
  ['extensions', { Name: 'a' }, /lower-case/],
  ['position', 5, /assigned by the store/],
  ['recorded_at', '2030-01-01T00:00:00Z', /assigned by the store/],
  ['colour', 'red', /not a field of an event/],
  ['data', cyclic, /no cycles/],
  ['data', { when: new Date() }, /an instance of Date/],
  ['data', { big: 1n }, /a bigint/],
  ['data', { list: [1, undefined] }, /not undefined/],
  ['data', { map: new Map() }, /an instance of Map/],
  ['data', { nan: Number.NaN }, /finite/],
  ['data', { call: () => 1 }, /a function/],
  ['data', [], /plain JSON object/],
  ['data', 'text', /plain JSON object/],
  ['data', null, /plain JSON object/],
  ['data', deep(101), /deeper than 100/],
  ['data', { text: 'x'.repeat(262_144) }, /at most 262144 bytes/],
]

describe('bad input', () => {
  test.each(BAD)('%s: %o is rejected with path and rule', async (field, value, message) => {
    const bus = await startedBus()
    const input = { ...info, [field]: value }
    const error = await bus.publish(input).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(EventsError)
    expect(error).toMatchObject({ code: 'EVENTS_INVALID', message: expect.stringMatching(message) })
    expect((error as EventsError).issues[0]?.path.split('.')[0]).toBe(field)
    expect(() => bus.publishAsync(input)).toThrow(message)
    expect(await bus.count()).toBe(0)
    await bus.publish(info)
    expect(await bus.count()).toBe(1)
  })

  test('anything but an object is rejected', async () => {
    const bus = await startedBus()
    for (const input of [null, undefined, 'info', 5, []]) {
      await expect(bus.publish(input as unknown as EventInput)).rejects.toMatchObject({
        code: 'EVENTS_INVALID',
      })
    }
  })

  test('the path leads to the invalid value in data', async () => {
    const bus = await startedBus()
    const data = { list: [{ ok: 1 }, { when: new Date() }] } as never
    await expect(bus.publish({ ...info, data })).rejects.toMatchObject({
      issues: [{ path: 'data.list.1.when' }],
    })
  })

  test('an undefined property counts as absent', async () => {
    const bus = await startedBus()
    const { id } = await bus.publish({
      type: 'x',
      source: 'test',
      data: { a: undefined, b: 1 } as never,
      title: undefined as never,
    })
    expect((await bus.get(id))?.data).toEqual({ b: 1 })
  })

  test('a "__proto__" key is ordinary data', async () => {
    const bus = await startedBus()
    const { id } = await bus.publish({
      type: 'x',
      source: 'test',
      data: JSON.parse('{"__proto__":{"admin":true}}'),
    })
    const data = (await bus.get(id))?.data
    expect(JSON.stringify(data)).toBe('{"__proto__":{"admin":true}}')
    expect((data as { admin?: boolean }).admin).toBeUndefined()
  })

  test('unknown options and invalid values are rejected by name', () => {
    expect(() => createEventBus({ bufferEvent: 5 } as EventBusOptions)).toThrow(
      /bufferEvent is not a known option/,
    )
    expect(() => createEventBus({ bufferEvents: 0 })).toThrow(/bufferEvents must be an integer of at least 1/)
    expect(() => createEventBus({ overflow: 'panic' as 'reject' })).toThrow(
      /overflow must be one of 'reject'/,
    )
    expect(() => createEventBus(null as never)).toThrow(/must be an object, not null/)
    expect(() => createEventBus({ storage: {} as never })).toThrow(
      /storage must be an object with a method open/,
    )
    expect(() => createEventBus({ logger: {} as never })).toThrow(
      /logger must be an object with a method info/,
    )
  })

  test('unknown options of a publish, and a list without a limit, are rejected by name', async () => {
    const bus = await startedBus()
    for (const [options, message] of [
      [{ timeoutMs: Number.NaN }, /timeoutMs must be an integer/],
      [{ signal: 'x' }, /signal must be an AbortSignal/],
      [{ timeout: 5 }, /timeout is not a known option/],
    ] as const) {
      await expect(bus.publish(info, options as object)).rejects.toThrow(message)
      await expect(bus.publishMany([info], options as object)).rejects.toThrow(message)
    }
    await expect(bus.list({} as never)).rejects.toThrow(/limit must be an integer/)
    await expect(bus.subscribe('*', undefined as never)).rejects.toThrow(/handler must be a function/)
  })
})
