import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventsError } from '../../../src/errors.ts'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { type MemoryStorageOptions, memoryStorage } from '../../../src/storage/memory/index.ts'
import { ManualClock, makeRecord } from '../../../src/testing/index.ts'

async function open(options: MemoryStorageOptions = {}): Promise<EventStorage> {
  const storage = memoryStorage(options)
  await storage.open()
  return storage
}

async function append(storage: EventStorage, ids: readonly string[]): Promise<void> {
  await storage.append(ids.map((id) => makeRecord({ id })))
}

async function storedIds(storage: EventStorage): Promise<string[]> {
  return (await storage.list({ limit: 10_000, order: 'asc' })).events.map((event) => event.id)
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`)

describe('a memory store of limited capacity', () => {
  test('evicts the oldest event when it is full, and positions continue', async () => {
    const storage = await open({ capacity: 3 })
    await append(storage, numbered(1, 5))
    expect(await storedIds(storage)).toEqual(['3', '4', '5'])
    expect(await storage.head()).toMatchObject({ position: 5, keptFrom: 3 })
    expect((await storage.list({ limit: 1 })).events[0]?.position).toBe(5)
    expect(await storage.read({ after: 0, limit: 1 })).toMatchObject({ events: [{ id: '3' }], position: 3 })
    expect(await storage.get('2')).toBeUndefined()
    expect(await storage.totals()).toMatchObject({ total: 3, byType: { 'test.event': 3 } })
  })

  test('keeps the newest events of a batch larger than its capacity', async () => {
    const storage = await open({ capacity: 2 })
    const { receipts } = await storage.append(numbered(1, 5).map((id) => makeRecord({ id })))
    expect(receipts.map((receipt) => receipt.position)).toEqual([1, 2, 3, 4, 5])
    expect(await storedIds(storage)).toEqual(['4', '5'])
  })

  test('forgets the id of an evicted event', async () => {
    const storage = await open({ capacity: 2 })
    await append(storage, ['a', 'b', 'c'])
    const { receipts } = await storage.append([makeRecord({ id: 'a' }), makeRecord({ id: 'c' })])
    expect(receipts).toEqual([
      { position: 4, duplicate: false },
      { position: 3, duplicate: true },
    ])
    expect(await storedIds(storage)).toEqual(['c', 'a'])
  })

  test('does not use capacity for a duplicate', async () => {
    const storage = await open({ capacity: 2 })
    await append(storage, ['a', 'b', 'a', 'b'])
    await append(storage, ['a', 'b'])
    expect(await storedIds(storage)).toEqual(['a', 'b'])
  })

  test('uses the room that a delete made before it evicts an event', async () => {
    const storage = await open({ capacity: 3 })
    await append(storage, ['a', 'b', 'c'])
    await storage.delete('b')
    await append(storage, ['d'])
    expect(await storedIds(storage)).toEqual(['a', 'c', 'd'])
    await append(storage, ['e'])
    expect(await storedIds(storage)).toEqual(['c', 'd', 'e'])
  })

  test('holds 10,000 events by default', async () => {
    const storage = await open()
    await append(storage, numbered(1, 10_001))
    expect(await storage.count()).toBe(10_000)
    expect((await storage.list({ limit: 1, order: 'asc' })).events[0]?.id).toBe('2')
  })

  test('lets an overtaken reader continue at the oldest event', async () => {
    const storage = await open({ capacity: 10 })
    await append(storage, numbered(1, 5))
    const first = await storage.read({ after: 0, limit: 3 })
    await append(storage, numbered(6, 20))
    const second = await storage.read({ after: first.position, limit: 3 })
    expect(second.events.map((event) => event.id)).toEqual(['11', '12', '13'])
  })
})

describe('a memory store', () => {
  test('still has its events after being closed and opened again', async () => {
    const storage = await open()
    await append(storage, ['a', 'b'])
    const head = await storage.head()
    await storage.close()
    await storage.open()
    expect(await storage.head()).toEqual(head)
    expect(await storedIds(storage)).toEqual(['a', 'b'])
    expect((await storage.append([makeRecord({ id: 'a' })])).receipts[0]?.duplicate).toBe(true)
  })

  test('returns frozen events and does not change those it was given', async () => {
    const storage = await open()
    const record = makeRecord({ id: 'a' })
    const event = { ...record.event }
    await storage.append([{ ...record, event }])
    expect(event).toStrictEqual(record.event)
    event.title = 'changed'
    const stored = await storage.get('a')
    expect(Object.isFrozen(stored)).toBe(true)
    expect(stored?.title).toBe('')
  })

  test('uses the process’s clock by default', async () => {
    const storage = await open()
    const before = Date.now()
    const { recordedAt } = await storage.append([makeRecord()])
    expect(Date.parse(recordedAt)).toBeGreaterThanOrEqual(before)
    expect(Date.parse(recordedAt)).toBeLessThanOrEqual(Date.now())
  })

  test('reports that it is not persistent', () => {
    expect(memoryStorage()).toMatchObject({ name: 'memory', persistent: false })
  })

  test.each<[string, object]>([
    ['capacity', { capacity: 0 }],
    ['capacity', { capacity: 1.5 }],
    ['capacity', { capacity: '10' }],
    ['capacity', { capacity: Number.POSITIVE_INFINITY }],
    ['now', { now: 0 }],
    ['size', { size: 10 }],
  ])('rejects the option %s when it is invalid or unknown: %o', (option, options) => {
    expect(() => memoryStorage(options)).toThrow(EventsError)
    expect(() => memoryStorage(options)).toThrow(`memoryStorage options: ${option}`)
  })
})

interface Kept {
  readonly id: string
  readonly position: number
  readonly expiresAtMs: number
  readonly recordedAtMs: number
}

type Step =
  | { readonly do: 'append'; readonly ids: readonly number[]; readonly ttl: number | undefined }
  | { readonly do: 'delete'; readonly id: number }
  | { readonly do: 'deleteTarget'; readonly target: string }
  | { readonly do: 'keepNewest'; readonly count: number }
  | { readonly do: 'keepYoung'; readonly maxAgeMs: number }
  | { readonly do: 'sweep' }
  | { readonly do: 'wait'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      ids: fc.array(fc.nat({ max: 40 }), { maxLength: 8 }),
      ttl: fc.constantFrom(undefined, undefined, 3, 10),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), id: fc.nat({ max: 40 }) }) },
  fc.record({ do: fc.constant('deleteTarget' as const), target: fc.constantFrom('0', '1', '2') }),
  fc.record({ do: fc.constant('keepNewest' as const), count: fc.nat({ max: 12 }) }),
  fc.record({ do: fc.constant('keepYoung' as const), maxAgeMs: fc.nat({ max: 10 }) }),
  fc.record({ do: fc.constant('sweep' as const) }),
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 5 }) }) },
)

/** Computes the expected contents of the store in the simplest way. */
class Model {
  readonly #capacity: number
  #kept: Kept[] = []
  #head = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  append(ids: readonly string[], expiresAtMs: number, recordedAtMs: number): void {
    // A batch is checked as a whole against earlier events and against itself.
    const before = new Set(this.#kept.map((kept) => kept.id))
    for (const id of new Set(ids)) {
      if (before.has(id)) continue
      this.#kept.push({ id, position: ++this.#head, expiresAtMs, recordedAtMs })
    }
    this.#kept = this.#kept.slice(-this.#capacity)
  }

  keep(passes: (kept: Kept) => boolean): number {
    const before = this.#kept.length
    this.#kept = this.#kept.filter(passes)
    return before - this.#kept.length
  }

  keepNewest(count: number): number {
    const newest = new Set(this.#kept.toReversed().slice(0, count))
    return this.keep((kept) => newest.has(kept))
  }

  visible(nowMs: number): readonly Kept[] {
    return this.#kept.filter((kept) => kept.expiresAtMs > nowMs)
  }
}

/** Does the same to both. An event's target is the last digit of its id, modulo 3. */
async function take(step: Step, storage: EventStorage, model: Model, clock: ManualClock): Promise<void> {
  const nowMs = clock.now()
  if (step.do === 'wait') clock.advance(step.ms)
  if (step.do === 'append') {
    const timestamp = new Date(nowMs).toISOString()
    const ttl = step.ttl === undefined ? {} : { ttl: step.ttl }
    const records = step.ids.map((id) => makeRecord({ id: `${id}`, target: `${id % 3}`, timestamp, ...ttl }))
    await storage.append(records)
    model.append(step.ids.map(String), nowMs + (step.ttl ?? Number.POSITIVE_INFINITY), nowMs)
  }
  if (step.do === 'delete') {
    expect(await storage.delete(`${step.id}`)).toBe(model.keep((kept) => kept.id !== `${step.id}`) === 1)
  }
  if (step.do === 'deleteTarget') {
    const deleted = model.keep((kept) => `${Number(kept.id) % 3}` !== step.target)
    expect(await storage.deleteMatching({ target: step.target })).toBe(deleted)
  }
  if (step.do === 'keepNewest') {
    expect(await storage.trim({ maxEvents: step.count })).toBe(model.keepNewest(step.count))
  }
  if (step.do === 'keepYoung') {
    const removed = model.keep((kept) => nowMs - kept.recordedAtMs <= step.maxAgeMs)
    expect(await storage.trim({ maxAgeMs: step.maxAgeMs })).toBe(removed)
  }
  if (step.do === 'sweep') {
    expect(await storage.sweepExpired()).toBe(model.keep((kept) => kept.expiresAtMs > nowMs))
  }
}

async function expectSame(storage: EventStorage, visible: readonly Kept[]): Promise<void> {
  const events = (await storage.list({ limit: 100, order: 'asc' })).events
  const expected = visible.map(({ id, position }) => ({ id, position }))
  expect(events.map(({ id, position }) => ({ id, position }))).toEqual(expected)
  expect((await storage.totals()).total).toBe(visible.length)
  for (const { id, position } of visible) expect((await storage.get(id))?.position).toBe(position)
  const middle = visible[visible.length >> 1]?.position ?? 0
  const above = await storage.list({ limit: 100, order: 'asc', after: middle })
  expect(above.events.map((event) => event.position)).toEqual(
    visible.map((kept) => kept.position).filter((position) => position > middle),
  )
  const below = await storage.list({ limit: 100, order: 'desc', after: middle })
  expect(below.events.map((event) => event.position)).toEqual(
    visible
      .map((kept) => kept.position)
      .filter((position) => position < middle)
      .reverse(),
  )
}

test('whatever is done to it, a memory store holds what a plain array would hold', async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 40 })
  const property = fc.asyncProperty(steps, fc.integer({ min: 1, max: 15 }), async (list, capacity) => {
    const clock = new ManualClock()
    const storage = await open({ capacity, now: clock.now })
    const model = new Model(capacity)
    for (const each of list) {
      await take(each, storage, model, clock)
      await expectSame(storage, model.visible(clock.now()))
    }
  })
  await fc.assert(property, { numRuns: 150 })
})

test('a small store through which many events have passed is as good as new', async () => {
  const storage = await open({ capacity: 50 })
  for (let batch = 0; batch < 100; batch++) await append(storage, numbered(batch * 100, batch * 100 + 99))
  await storage.delete('9970')
  expect(await storedIds(storage)).toEqual(numbered(9950, 9999).filter((id) => id !== '9970'))
  expect((await storage.read({ after: 9_960, limit: 2 })).events.map((event) => event.id)).toEqual([
    '9960',
    '9961',
  ])
})
