import { describe, expect, onTestFinished, test } from 'vitest'
import { partitionsToClaim } from '../../src/bus/durable/balance.ts'
import { partitionOf } from '../../src/bus/durable/partition-of.ts'
import { createEventBus, type EventBus, type EventStorage, type PublishedEvent } from '../../src/index.ts'
import type { PartitionState } from '../../src/storage/contract/subscriptions.ts'
import { PostgresSetup } from '../storage/postgres/setup.ts'
import { openStore, temporaryPath } from '../storage/sqlite/setup.ts'
import { gate } from './setup.ts'

const KEYS = 12
const NAME = 'shared'

/** Records the handler calls of all processes. */
class Handled {
  readonly seen = new Map<string, number[]>()
  readonly #active = new Map<string, number>()
  /** The number of calls of one key that ran at the same time. */
  overlaps = 0

  readonly handle = async ({ position, data }: PublishedEvent): Promise<void> => {
    const key = String(data.key)
    const active = (this.#active.get(key) ?? 0) + 1
    this.#active.set(key, active)
    if (active > 1) this.overlaps++
    await new Promise((resolve) => setTimeout(resolve, 2))
    this.#active.set(key, (this.#active.get(key) ?? 0) - 1)
    this.seen.set(key, [...(this.seen.get(key) ?? []), position ?? 0])
  }
}

/** Starts a bus, which is a separate process to the store. */
async function busOn(storage: EventStorage): Promise<EventBus> {
  const bus = createEventBus({ storage, pollIntervalMs: 50 })
  await bus.start()
  onTestFinished(async () => void (await bus.stop({ timeoutMs: 100 })))
  return bus
}

async function join(bus: EventBus, handler: Handled['handle']): Promise<void> {
  const orderBy = ({ data }: PublishedEvent) => String(data.key)
  const options = { partitions: 4, orderBy, concurrency: 4, leaseMs: 900, checkpointMs: 20, queueEvents: 50 }
  await bus.subscribe('x', handler, { durable: NAME, ...options })
}

/** Publishes until the returned function is called, which returns the last position. */
function publishing(bus: EventBus): () => Promise<number> {
  let last = 0
  let ended = false
  const batch = (from: number) =>
    Array.from({ length: 10 }, (_, i) => ({ type: 'x', source: 'test', data: { key: (from + i) % KEYS } }))
  const loop = (async () => {
    for (let i = 0; !ended; i += 10) {
      last = (await bus.publishMany(batch(i))).at(-1)?.position ?? last
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
  })()
  return async () => {
    ended = true
    await loop
    return last
  }
}

async function shares(storage: EventStorage): Promise<number[]> {
  const owners = (await storage.subscriptions.list(NAME)).map(({ owner }) => owner)
  return [...Map.groupBy(owners, (owner) => owner).values()].map((of) => of.length).toSorted()
}

async function sharesTheWork(open: () => Promise<EventStorage>): Promise<void> {
  const [a, b] = [await open(), await open()]
  const record = new Handled()
  const first = await busOn(a)
  await join(first, record.handle)
  await expect.poll(() => shares(a)).toEqual([4])
  const stop = publishing(first)
  const second = await busOn(b)
  await join(second, record.handle)
  await expect.poll(() => shares(a), { timeout: 15_000 }).toEqual([2, 2])
  const owners = new Set((await a.subscriptions.list(NAME)).map(({ owner }) => owner))
  expect(owners.size).toBe(2)
  await second.stop()
  await expect.poll(() => shares(a), { timeout: 15_000 }).toEqual([4])
  const last = await stop()
  await expect.poll(async () => (await first.durable.list())[0]?.position, { timeout: 15_000 }).toBe(last)
  expect(record.overlaps).toBe(0)
  const all = [...record.seen.values()].flat()
  expect(new Set(all).size).toBe(last)
  for (const positions of record.seen.values()) {
    // Events that were handled but not saved may be handled again, but no older event for the first time after a newer one.
    const firsts = positions.filter((position, i) => positions.indexOf(position) === i)
    expect(firsts).toEqual(firsts.toSorted((x, y) => x - y))
  }
}

describe('a process that starts later gets its share, and one that leaves frees it; keys keep their order', async () => {
  const setup = await PostgresSetup.start({ fsync: 'off' })

  test('on PostgreSQL', async () => {
    const schema = setup.newSchema()
    await sharesTheWork(async () => setup.openStore({ schema }))
  })

  test('on SQLite', async () => {
    const path = temporaryPath()
    await sharesTheWork(() => openStore(path))
  })
})

test('a partition is released when the call in progress ends, even if that takes longer than a lease', async () => {
  const path = temporaryPath()
  const [a, b] = [await openStore(path), await openStore(path)]
  const [first, second] = [await busOn(a), await busOn(b)]
  const { opened, open } = gate()
  const calls: string[] = []
  const options = { durable: NAME, partitions: 2, orderBy: () => 'a key', leaseMs: 300, checkpointMs: 20 }
  const slow = async ({ id }: PublishedEvent) => {
    calls.push(`first ${id}`)
    await opened
  }
  await first.subscribe('x', slow, options)
  await expect.poll(() => shares(a)).toEqual([2])
  // The key belongs to the partition under test.
  expect(partitionOf('a key', 2)).toBe(1)
  await first.publishMany(['1', '2'].map((id) => ({ type: 'x', source: 'test', id })))
  await expect.poll(() => calls).toEqual(['first 1'])
  await second.subscribe('x', ({ id }) => calls.push(`second ${id}`), options)
  await expect.poll(async () => (await a.subscriptions.list(NAME))[1]?.claim).toEqual(expect.any(String))
  await new Promise((resolve) => setTimeout(resolve, 2 * options.leaseMs))
  expect(await shares(a)).toEqual([2])
  open()
  await expect.poll(() => calls).toEqual(['first 1', 'second 2'])
  expect(await shares(a)).toEqual([1, 1])
})

describe('which partitions a process claims', () => {
  const states = (...owners: (string | null)[]): PartitionState[] =>
    owners.map((owner, partition) => ({
      name: NAME,
      partition,
      partitions: owners.length,
      position: 0,
      paused: false,
      missed: null,
      owner: owner?.split('>')[0] ?? null,
      claim: owner?.split('>')[1] ?? null,
      created: '',
      saved: '',
    }))
  const asked = (...owners: (string | null)[]) =>
    partitionsToClaim(states(...owners), 'me').map(({ partition }) => partition)

  test.each([
    { name: 'half of what another runs alone', owners: ['a', 'a', 'a', 'a'], claims: [3, 2] },
    { name: 'the smaller half', owners: ['a', 'a', 'a'], claims: [2] },
    { name: 'nothing of one who has a single one', owners: ['a'], claims: [] },
    { name: 'from those who have most', owners: ['a', 'b', 'b', 'b'], claims: [3] },
    { name: 'nothing when the shares are even', owners: ['a', 'me', 'a', 'me', 'a'], claims: [] },
    { name: 'nothing twice', owners: ['a', 'a', 'a>me', 'a>me'], claims: [] },
    { name: 'nothing that another asked for', owners: ['a', 'a', 'a>b', 'a>b'], claims: [1] },
    { name: 'nothing that is free', owners: [null, null, 'a', 'me'], claims: [] },
  ])('$name', ({ owners, claims }) => {
    expect(asked(...owners)).toEqual(claims)
  })
})
