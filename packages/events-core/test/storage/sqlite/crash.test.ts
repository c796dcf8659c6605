import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { idsOf, listAll, positionsOf, readToHead } from '../../../src/testing/reading.ts'
import { makeRecord, makeRecords } from '../../../src/testing/record.ts'
import { Child, failureOf, openStore, temporaryPath } from './setup.ts'

const BATCH = 20
/** Processes take seconds to start on a busy machine. */
const PATIENT = { timeout: 120_000 }

describe('kill -9', PATIENT, () => {
  test.each([5, 40, 120])(
    'while appending, after %i batches: acknowledged events are stored, each batch completely or not at all',
    async (acknowledged) => {
      const path = temporaryPath()
      const child = new Child('append-forever', path, String(BATCH))
      await child.said(acknowledged)
      await child.kill()
      const storage = await openStore(path)
      const events = await readToHead(storage)
      expect(positionsOf(events)).toEqual(events.map((_, index) => index + 1))
      const batches = Map.groupBy(events, ({ id }) => Number(id.split('/')[0]))
      for (const line of child.lines) expect(batches.has(Number(line))).toBe(true)
      for (const batch of batches.values()) expect(batch).toHaveLength(BATCH)
      await expectTrueCounts(storage, events.length)
      const { receipts } = await storage.append([makeRecord({ id: 'next' })])
      expect(receipts).toEqual([{ position: events.length + 1, duplicate: false }])
    },
  )

  test('of one process after another loses nothing of the earlier ones', async () => {
    const path = temporaryPath()
    let stored = 0
    for (let round = 0; round < 3; round++) {
      const child = new Child('append-some', path, `round ${round}`, '1000000')
      await child.said(1)
      child.say('go')
      await child.said(2)
      const storage = await openStore(path)
      await storage.append([makeRecord({ id: `${round}` })])
      await child.kill()
      const { position } = await storage.head()
      expect(position).toBeGreaterThan(stored)
      expect(await storage.count()).toBe(position)
      stored = position
      await storage.close()
    }
  })
})

describe('several processes on one file', PATIENT, () => {
  test('that create it concurrently share one store', async () => {
    const path = temporaryPath()
    const children = await together(6, path, '0')
    expect(new Set(children.map((child) => child.lines[1])).size).toBe(1)
    expect(await Promise.all(children.map((child) => child.ended()))).toEqual(children.map(() => 0))
  })

  test('that append concurrently assign positions without holes, in the order of each', async () => {
    const path = temporaryPath()
    const children = await together(2, path, '60')
    await Promise.all(children.map((child) => child.said(3)))
    const storage = await openStore(path)
    const events = await readToHead(storage)
    expect(positionsOf(events)).toEqual(Array.from({ length: 2 * 60 * 7 }, (_, index) => index + 1))
    for (const name of ['0', '1']) {
      const ids = idsOf(events).filter((id) => id.startsWith(`${name}/`))
      expect(ids).toEqual(Array.from({ length: 60 * 7 }, (_, i) => `${name}/${Math.floor(i / 7)}/${i % 7}`))
    }
    await expectTrueCounts(storage, events.length)
  })
})

describe('a process', () => {
  test('that does not close its store still exits by itself', async () => {
    const child = new Child('append-some', temporaryPath(), 'a', '1')
    await child.said(1)
    child.say('go')
    expect(await child.ended()).toBe(0)
    expect(child.lines.at(-1)).toBe('done')
  })
})

describe('a dying thread', () => {
  test('fails the calls that wait for it, and the next call starts a new one', async () => {
    const threads = watchThreads()
    const storage = await openStore(temporaryPath())
    await storage.append([makeRecord({ id: 'a' })])
    expect(threads).toHaveLength(2)
    const calls = [
      storage.clear(),
      storage.append([makeRecord({ id: 'b' })]),
      storage.count(),
      storage.totals(),
    ]
    // Before the threads have read their messages.
    for (const thread of threads) void thread.terminate()
    const failures = await Promise.all(calls.map(failureOf))
    expect(new Set(failures.map((failure) => failure.code))).toEqual(new Set(['EVENTS_STORAGE_UNAVAILABLE']))
    const { receipts } = await storage.append([makeRecord({ id: 'c' })])
    expect(receipts).toEqual([{ position: 2, duplicate: false }])
    expect(idsOf(await listAll(storage))).toEqual(['a', 'c'])
    expect(threads).toHaveLength(4)
  })

  test('loses nothing acknowledged during appends', async () => {
    const threads = watchThreads()
    const storage = await openStore(temporaryPath())
    const records = makeRecords(300)
    const acknowledged: string[] = []
    const appends = records.map(async (record, index) => {
      await storage.append([record])
      acknowledged.push(record.event.id)
      if (index === 100) void threads[0]?.terminate()
    })
    const outcomes = await Promise.allSettled(appends)
    expect(acknowledged.length).toBeGreaterThan(100)
    const events = await listAll(storage)
    expect(idsOf(events)).toEqual(expect.arrayContaining(acknowledged))
    expect(positionsOf(events)).toEqual(events.map((_, index) => index + 1))
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(acknowledged.length)
  })

  test('is restarted until what it needs is available again', async () => {
    const threads = watchThreads()
    const path = temporaryPath()
    const storage = await openStore(path)
    await storage.append([makeRecord({ id: 'a' })])
    await Promise.all(threads.map((thread) => thread.terminate()))
    renameSync(path, `${path}.away`)
    mkdirSync(path)
    for (let attempt = 0; attempt < 2; attempt++) {
      expect((await failureOf(storage.count())).code).toBe('EVENTS_STORAGE_UNAVAILABLE')
      expect((await failureOf(storage.append([makeRecord()]))).code).toBe('EVENTS_STORAGE_UNAVAILABLE')
    }
    rmdirSync(path)
    renameSync(`${path}.away`, path)
    expect((await storage.append([makeRecord()])).receipts[0]?.position).toBe(2)
    expect(await storage.count()).toBe(2)
  })

  test('does not prevent the store from being closed and opened', async () => {
    const threads = watchThreads()
    const storage = await openStore(temporaryPath())
    await Promise.all(threads.map((thread) => thread.terminate()))
    await storage.close()
    await storage.open()
    expect(await storage.count()).toBe(0)
  })
})

/** Records the threads that are started from now on; the first of a store's two is the writer. */
function watchThreads(): Worker[] {
  const threads: Worker[] = []
  const watch = (thread: Worker) => threads.push(thread)
  process.on('worker', watch)
  onTestFinished(() => {
    process.off('worker', watch)
  })
  return threads
}

/** Starts so many processes that open one file at the same time. */
async function together(count: number, path: string, batches: string): Promise<Child[]> {
  const children = Array.from(
    { length: count },
    (_, name) => new Child('append-some', path, String(name), batches),
  )
  await Promise.all(children.map((child) => child.said(1)))
  for (const child of children) child.say('go')
  await Promise.all(children.map((child) => child.said(2)))
  return children
}

async function expectTrueCounts(storage: EventStorage, count: number): Promise<void> {
  expect(await storage.count()).toBe(count)
  expect((await storage.totals()).total).toBe(count)
  expect(await storage.count({ minPriority: 0, data: {} })).toBe(count)
  expect((await storage.head()).position).toBe(count)
}
