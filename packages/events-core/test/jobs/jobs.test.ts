import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { memoryStorage } from '../../src/index.ts'
import { type JobContext, jobKind, jobRunner } from '../../src/jobs/index.ts'
import { gate } from '../bus/setup.ts'
import { double, patient, started, withFaults } from './setup.ts'

describe('a job', () => {
  test('runs, and its result is stored', async () => {
    const { submit, ended } = await started([double])
    const job = await submit(double, { value: 21 }, { requestedBy: 'me' })
    expect(job).toMatchObject({ kind: 'double', state: 'waiting', attempts: 0, requested_by: 'me' })
    const after = await ended(job.id)
    expect(after).toMatchObject({ state: 'succeeded', result: { doubled: 42 }, attempts: 1, error: null })
    expect(after).not.toHaveProperty('checkpoint')
    expect(Date.parse(after.ended ?? '')).toBeGreaterThanOrEqual(Date.parse(after.started ?? ''))
  })

  test('that throws anything has failed and says why', async () => {
    const { submit, ended } = await started([
      jobKind('throws', () => {
        throw new Error('no such library')
      }),
      jobKind<unknown, unknown>('no-json', () => ({ value: 1n })),
    ])
    expect(await ended((await submit('throws', null)).id)).toMatchObject({
      state: 'failed',
      error: 'no such library',
    })
    expect(await ended((await submit('no-json', null)).id)).toMatchObject({
      state: 'failed',
      result: null,
    })
  })

  test('reports its progress, its rate and when it will end', async () => {
    const { opened, open } = gate()
    const count = jobKind('count', async (job) => {
      await sleep(20)
      job.progress(50, 200, 'counting')
      await opened
      job.progress(200)
      return undefined
    })
    const { submit, jobs, ended } = await started([count])
    const { id } = await submit('count', null)
    await expect.poll(async () => (await jobs.get(id))?.progress.done).toBe(50)
    const { progress } = (await jobs.get(id)) ?? {}
    expect(progress).toMatchObject({ total: 200, note: 'counting', rate: expect.any(Number) })
    expect(Date.parse(progress?.eta ?? '')).toBeGreaterThan(Date.now() - 60_000)
    open()
    expect((await ended(id)).progress).toMatchObject({ done: 200, total: 200 })
  })

  test('that is cancelled learns so from its signal, whether it runs or waits', async () => {
    const seen: JobContext<unknown, unknown>[] = []
    const { submit, jobs, ended } = await started([patient(seen)], { concurrency: 1 })
    const first = await submit('patient', null)
    await expect.poll(async () => (await jobs.get(first.id))?.state).toBe('running')
    const second = await submit('patient', null)
    expect(await jobs.cancel(second.id)).toMatchObject({ job: { state: 'cancelled', attempts: 0 } })
    await jobs.cancel(first.id)
    expect(await ended(first.id)).toMatchObject({ state: 'cancelled', cancel_requested: true })
    expect(seen[0]?.cancelled).toBe(true)
    expect((await jobs.get(second.id))?.state).toBe('cancelled')
  })

  test('that is told to end because the bus stops is not cancelled', async () => {
    const seen: JobContext<unknown, unknown>[] = []
    const { bus, submit } = await started([patient(seen)])
    await submit('patient', null)
    await expect.poll(() => seen.length).toBe(1)
    await bus.stop()
    expect(seen[0]).toMatchObject({ cancelled: false, signal: { aborted: true } })
  })

  test('that was running when the bus stopped resumes at its checkpoint, which does not count as a crash', async () => {
    const storage = memoryStorage()
    const seen: unknown[] = []
    const steps = jobKind<null, string, { at: number }>('steps', async (job) => {
      seen.push(job.checkpoint?.at)
      if (job.checkpoint?.at === 3) return 'done'
      await job.save({ at: (job.checkpoint?.at ?? 0) + 1 })
      return new Promise<string>((_, reject) =>
        job.signal.addEventListener('abort', () => reject(job.signal.reason)),
      )
    })
    const { id } = await (async () => {
      const { bus, submit, jobs } = await started([steps], { maxCrashes: 1 }, storage)
      const job = await submit(steps, null)
      await expect.poll(() => seen.length).toBe(1)
      await expect.poll(async () => (await jobs.get(job.id))?.state).toBe('running')
      await bus.stop()
      return job
    })()
    for (const count of [2, 3]) {
      const { bus, jobs } = await started([steps], { maxCrashes: 1 }, storage)
      await expect.poll(() => seen.length).toBe(count)
      await expect.poll(async () => (await jobs.get(id))?.attempts).toBe(count)
      await bus.stop()
    }
    const { ended } = await started([steps], { maxCrashes: 1 }, storage)
    expect(await ended(id)).toMatchObject({ state: 'succeeded', result: 'done', attempts: 4 })
    expect(seen).toEqual([undefined, 1, 2, 3])
  })

  test('is run by one of two processes', async () => {
    const storage = memoryStorage()
    let runs = 0
    const slow = jobKind('slow', async () => {
      runs++
      await sleep(50)
      return undefined
    })
    const [first, second] = [await started([slow], {}, storage), await started([slow], {}, storage)]
    const ids = await Promise.all(
      Array.from({ length: 10 }, async () => (await first.submit('slow', null)).id),
    )
    for (const id of ids) expect((await second.ended(id)).state).toBe('succeeded')
    expect(runs).toBe(10)
  })

  test('that has lost its lease learns so and changes nothing any more', async () => {
    const storage = memoryStorage()
    const seen: JobContext<unknown, unknown>[] = []
    const { submit } = await started([patient(seen)], { leaseMs: 100 }, storage)
    const { id } = await submit('patient', null)
    await expect.poll(() => seen.length).toBe(1)
    // Another process takes over the lease, as if this one had been frozen.
    const first = await storage.leases.acquire(`job:${id}`, 'other')
    if (first.acquired) throw new Error('nobody held the lease')
    expect((await storage.leases.acquire(`job:${id}`, 'other', first.sign)).acquired).toBe(true)
    await expect.poll(() => seen[0]?.signal.aborted).toBe(true)
    await expect(seen[0]?.save({ late: true })).rejects.toMatchObject({ code: 'EVENTS_LEASE_LOST' })
  })

  test('is left alone by a process that does not know its kind', async () => {
    const storage = memoryStorage()
    const first = await started([patient()], {}, storage)
    const { id } = await first.submit('patient', null)
    await first.bus.stop()
    const asked: string[] = []
    const { acquire } = storage.leases
    storage.leases.acquire = (name, ...rest) => {
      asked.push(name)
      return acquire.call(storage.leases, name, ...rest)
    }
    const second = await started([double], {}, storage)
    const own = await second.submit(double, { value: 1 })
    await second.ended(own.id)
    expect((await second.jobs.get(id))?.state).toBe('waiting')
    expect(new Set(asked)).toEqual(new Set([`job:${own.id}`]))
  })

  test('continues when the store is unavailable for a while', async () => {
    const storage = memoryStorage()
    let isAway = false
    const faulty = withFaults(storage, {
      commit: async (lease, changes) => {
        if (isAway) throw Object.assign(new Error('away'), { code: 'EVENTS_STORAGE_UNAVAILABLE' })
        return storage.commit(lease, changes)
      },
    })
    const { opened, open } = gate()
    const waits = jobKind('waits', async () => {
      await opened
      return 'done'
    })
    const { submit, jobs, ended } = await started([waits], { leaseMs: 2_000 }, faulty)
    const { id } = await submit('waits', null)
    await expect.poll(async () => (await jobs.get(id))?.state).toBe('running')
    isAway = true
    open()
    await sleep(50)
    isAway = false
    expect(await ended(id)).toMatchObject({ state: 'succeeded', result: 'done', attempts: 1 })
  })
})

test('only the newest ended jobs are kept', async () => {
  const { submit, jobs, ended } = await started([double], { keep: 3 })
  for (let value = 0; value < 6; value++) await ended((await submit(double, { value })).id)
  await expect
    .poll(async () => (await jobs.list({ limit: 10 })).jobs.map(({ result }) => result))
    .toEqual([5, 4, 3].map((value) => ({ doubled: value * 2 })))
})

test('jobs are listed newest first, page by page, by kind and state', async () => {
  const { submit, jobs, ended } = await started([double, patient()])
  const first = await submit(double, { value: 1 })
  await ended(first.id)
  const second = await submit('patient', null)
  expect((await jobs.list({ limit: 10 })).jobs.map(({ id }) => id)).toEqual([second.id, first.id])
  expect(await jobs.list({ kind: 'double', limit: 1 })).toMatchObject({ jobs: [{ id: first.id }] })
  expect(await jobs.list({ state: 'failed', limit: 1 })).toEqual({ jobs: [] })
  const page = await jobs.list({ limit: 1 })
  expect(page).toMatchObject({ jobs: [{ id: second.id }], next: second.id })
  const last = await jobs.list({ limit: 1, after: second.id })
  expect(last).toMatchObject({ jobs: [{ id: first.id }] })
  expect(last).not.toHaveProperty('next')
})

test('every job is listed once, however many there are and come meanwhile', async () => {
  const { submit, jobs } = await started([patient()], { concurrency: 1 })
  const ids: string[] = []
  for (let count = 0; count < 250; count++) ids.push((await submit('patient', null)).id)
  const listed: string[] = []
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await jobs.list({ limit: 60, ...(after !== undefined && { after }) })
    listed.push(...page.jobs.map(({ id }) => id))
    after = page.next
    await submit('patient', null)
  }
  expect(listed).toEqual(ids.toReversed())
  await expect(jobs.list({ limit: 0 })).rejects.toMatchObject({ code: 'EVENTS_INVALID' })
})

test('a job is deleted once it has ended', async () => {
  const { submit, jobs, ended } = await started([patient()])
  const { id } = await submit('patient', null)
  await expect(jobs.delete(id)).rejects.toMatchObject({ code: 'EVENTS_CONFLICT' })
  await jobs.cancel(id)
  await ended(id)
  expect(await jobs.delete(id)).toBe(true)
  expect(await jobs.delete(id)).toBe(false)
})

test('invalid jobs are rejected', async () => {
  const { submit, jobs, bus } = await started([double])
  await expect(submit('unknown', null)).rejects.toMatchObject({ code: 'EVENTS_NOT_FOUND' })
  await expect(submit('double', { text: 'x'.repeat(262_144) })).rejects.toMatchObject({
    code: 'EVENTS_INVALID',
  })
  await expect(jobs.cancel('none')).rejects.toMatchObject({ code: 'EVENTS_NOT_FOUND' })
  for (const id of ['', '\0', 'x'.repeat(129)])
    await expect(jobs.get(id)).rejects.toMatchObject({ code: 'EVENTS_INVALID', issues: [{ path: 'id' }] })
  expect(() => jobRunner({ kinds: [double, double] })).toThrow(/two of one name/)
  expect(() => jobRunner({ kinds: [jobKind('Wrong Name', () => undefined)] })).toThrow(/names of 1 to 64/)
  await bus.stop()
  await expect(jobs.list({ limit: 1 })).rejects.toMatchObject({ code: 'EVENTS_NOT_RUNNING' })
})
