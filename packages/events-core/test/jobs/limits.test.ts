import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { EventsError, memoryStorage } from '../../src/index.ts'
import { type JobContext, jobKind } from '../../src/jobs/index.ts'
import { double, patient, started, withFaults } from './setup.ts'

/** The maximum bytes of input, checkpoint and result as JSON. */
const LIMIT = 245_760

/** A string of so many bytes of JSON. */
const text = (bytes: number) => 'x'.repeat(bytes - 2)

describe('the limit of a job’s size', () => {
  test('leaves room for the longest note, name and error', async () => {
    const long = jobKind<string, null>('long', (job) => {
      job.progress(Number.MIN_VALUE, Number.MAX_VALUE, '\u0001'.repeat(1_024))
      throw new Error('\u0001'.repeat(10_000))
    })
    const { submit, ended } = await started([long])
    const { id } = await submit(long, text(LIMIT), { requestedBy: '\u0001'.repeat(256) })
    const job = await ended(id)
    expect(job).toMatchObject({ state: 'failed', attempts: 1, input: text(LIMIT) })
    expect([job.error?.length, job.progress.note.length, job.requested_by.length]).toEqual([
      1_024, 1_024, 256,
    ])
  })

  test('is checked when a job is submitted', async () => {
    const { submit, jobs } = await started([patient()])
    await expect(submit('patient', text(LIMIT + 1))).rejects.toMatchObject({
      code: 'EVENTS_INVALID',
      message: `job: input must leave input, checkpoint and result together at most ${LIMIT} bytes of JSON text, not ${LIMIT + 1}`,
      issues: [{ path: 'input' }],
    })
    await expect(submit('patient', null, { requestedBy: 'x'.repeat(257) })).rejects.toMatchObject({
      issues: [{ path: 'requestedBy' }],
    })
    expect(await jobs.list({ limit: 1 })).toEqual({ jobs: [] })
  })

  test('is checked for a checkpoint, after whose rejection the job goes on', async () => {
    const saves = jobKind<string, string, string>('saves', async (job) => {
      const error: unknown = await job.save(text(LIMIT - 999)).catch((reason: unknown) => reason)
      await job.save(text(LIMIT - 1_000))
      return error instanceof EventsError ? error.message : 'nothing was thrown'
    })
    const { submit, ended } = await started([saves])
    const { id } = await submit(saves, text(1_000))
    // The checkpoint has used all of the room, which leaves none for the result.
    const job = await ended(id)
    expect(job).toMatchObject({ state: 'failed', result: null, attempts: 1 })
    expect(job.error).toMatch(/^job: result must leave .* not 2458/)
  })

  test('is checked for a result, with what the job did not wait to have saved', async () => {
    const returns = jobKind<null, string, string>('returns', (job) => {
      void job.save(text(1_001))
      return text(LIMIT - 1_000)
    })
    const { submit, ended } = await started([returns])
    const job = await ended((await submit(returns, null)).id)
    expect(job).toMatchObject({ state: 'failed', attempts: 1, error: expect.stringContaining('job: result') })
  })
})

test('a result that throws when it is read makes the job fail', async () => {
  const trap = jobKind<unknown, unknown>('trap', () => ({
    get value() {
      throw new Error('not now')
    },
  }))
  const { submit, ended } = await started([trap])
  expect(await ended((await submit('trap', null)).id)).toMatchObject({ state: 'failed', error: 'not now' })
})

test('changes that a job makes to its checkpoint and input are not stored', async () => {
  const storage = memoryStorage()
  const seen: unknown[] = []
  const steps = jobKind<{ path: string }, null, { at: number }>('steps', async (job) => {
    seen.push([job.input.path, job.checkpoint?.at])
    const state = job.checkpoint ?? { at: 1 }
    if (job.attempt === 1) await job.save(state)
    state.at = 9
    job.input.path = 'changed'
    job.progress(job.attempt)
    return new Promise((_, reject) => job.signal.addEventListener('abort', () => reject(job.signal.reason)))
  })
  const expected = [['/srv', undefined], ...Array.from({ length: 2 }, () => ['/srv', 1])]
  for (const attempt of [1, 2, 3]) {
    const { bus, submit, jobs } = await started([steps], {}, storage)
    if (attempt === 1) await submit(steps, { path: '/srv' })
    await expect.poll(async () => (await jobs.list({ limit: 1 })).jobs[0]?.progress.done).toBe(attempt)
    expect(seen).toEqual(expected.slice(0, attempt))
    await bus.stop()
  }
})

describe('progress', () => {
  const attempts: readonly [string, (job: JobContext<unknown, unknown>) => void, RegExp][] = [
    ['a note that is too long', (job) => job.progress(1, 2, 'x'.repeat(1_025)), /at most 1024 characters/],
    ['a note that is no string', (job) => Reflect.apply(job.progress, job, [1, 2, {}]), /takes a note/],
    ['a number that is not finite', (job) => job.progress(Number.NaN), /finite numbers/],
    ['a total that is not finite', (job) => job.progress(1, Number.POSITIVE_INFINITY), /finite numbers/],
  ]
  test.for(attempts)('rejects %s', async ([, report, error]) => {
    const reports = jobKind<unknown, unknown>('reports', (job) => void report(job))
    const { submit, ended } = await started([reports])
    const job = await ended((await submit('reports', null)).id)
    expect(job).toMatchObject({ state: 'failed', attempts: 1, error: expect.stringMatching(error) })
  })

  test('has no time of the end that RFC 3339 cannot express, and no rate that JSON cannot', async () => {
    const seen = jobKind<readonly [number, number], null>('slow', async (job) => {
      await sleep(2)
      job.progress(...job.input)
      return null
    })
    const { submit, ended } = await started([seen])
    // The end is beyond the years of a date, in a year of six digits, and at a rate beyond the numbers.
    for (const input of [
      [1e-9, 1e9],
      [1, 3e14],
      [1e308, 1e308],
    ] as const) {
      const { state, progress } = await ended((await submit(seen, input)).id)
      expect({ state, eta: progress.eta, done: progress.done }).toEqual({
        state: 'succeeded',
        eta: null,
        done: input[0],
      })
    }
  })
})

test('the lease is renewed while the store refuses a job’s document', async () => {
  const storage = memoryStorage()
  let isRefusing = false
  const faulty = withFaults(storage, {
    commit: async (lease, changes) => {
      if (isRefusing) throw new TypeError('a fault before the store')
      return storage.commit(lease, changes)
    },
  })
  const seen: JobContext<unknown, unknown>[] = []
  const { jobs, submit } = await started([patient(seen)], { leaseMs: 200 }, faulty)
  const { id } = await submit('patient', null)
  await expect.poll(async () => (await jobs.get(id))?.state).toBe('running')
  isRefusing = true
  const other = await started([patient(seen), double], { leaseMs: 200 }, storage)
  await sleep(1_000)
  expect(seen.length).toBe(1)
  expect(seen[0]?.signal.aborted).toBe(false)
  expect(await other.jobs.get(id)).toMatchObject({ state: 'running', attempts: 1 })
})

test('a job whose lease was lost while the store refuses its document learns so', async () => {
  const storage = memoryStorage()
  let isRefusing = false
  const faulty = withFaults(storage, {
    commit: async (lease, changes) => {
      if (isRefusing) throw new TypeError('a fault before the store')
      return storage.commit(lease, changes)
    },
  })
  const seen: JobContext<unknown, unknown>[] = []
  const { submit } = await started([patient(seen)], { leaseMs: 200 }, faulty)
  const { id } = await submit('patient', null)
  await expect.poll(() => seen.length).toBe(1)
  isRefusing = true
  const first = await storage.leases.acquire(`job:${id}`, 'other')
  if (first.acquired) throw new Error('nobody held the lease')
  await storage.leases.acquire(`job:${id}`, 'other', first.sign)
  await expect.poll(() => seen[0]?.signal.reason).toMatchObject({ code: 'EVENTS_LEASE_LOST' })
})
