import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { memoryStorage } from '../../src/index.ts'
import { Jobs, jobKind } from '../../src/jobs/index.ts'
import { gate, startedBus } from '../bus/setup.ts'
import { double, patient, type Store, started, withFaults } from './setup.ts'

/** Changes a job's document, as another version or a crashed process may have left it. */
async function change(storage: Store, id: string, fields: Readonly<Record<string, string | boolean>>) {
  const found = await storage.documents.get('jobs', id)
  const value = Object(found?.value)
  await storage.documents.put('jobs', id, { ...value, ...fields })
}

/** Returns the store, which cancels a job just before the first commit that gives it this state. */
function cancelledBefore(state: string, storage: Store, jobs: () => Jobs): Store {
  let isDone = false
  return withFaults(storage, {
    commit: async (lease, changes) => {
      const [document] = changes.documents ?? []
      if (!isDone && document !== undefined && Object(document.value).state === state) {
        isDone = true
        await jobs().cancel(document.key)
      }
      return storage.commit(lease, changes)
    },
  })
}

test('a job that is cancelled while the bus stops is cancelled', async () => {
  const storage = memoryStorage()
  const { opened, open } = gate()
  const { opened: aborted, open: abort } = gate()
  const slow = jobKind('slow', async ({ signal }) => {
    signal.addEventListener('abort', abort)
    await aborted
    await opened
    throw signal.reason
  })
  const first = await started([slow], {}, storage)
  const second = await started([], {}, storage)
  const { id } = await first.submit('slow', null)
  await expect.poll(async () => (await second.jobs.get(id))?.state).toBe('running')
  const stopped = first.runner.stop(60_000)
  await aborted
  expect(await second.jobs.cancel(id)).toMatchObject({
    job: { state: 'running', cancel_requested: true },
    changed: true,
  })
  expect(await second.jobs.cancel(id)).toMatchObject({ changed: false })
  open()
  await stopped
  expect(await second.jobs.get(id)).toMatchObject({ state: 'cancelled', ended: expect.any(String) })
  expect(await second.jobs.delete(id)).toBe(true)
})

test('a waiting job whose cancel was requested can be cancelled', async () => {
  const storage = memoryStorage()
  const { submit, runner } = await started([patient()], {}, storage)
  const { id } = await submit('patient', null)
  // A runner would end it by itself.
  await runner.stop(60_000)
  await change(storage, id, { state: 'waiting', cancel_requested: true })
  const jobs = new Jobs(await startedBus({ storage }))
  expect(await jobs.cancel(id)).toMatchObject({ job: { state: 'cancelled', ended: expect.any(String) } })
})

test('a job that is cancelled after it has returned, but before that is stored, is cancelled', async () => {
  const storage = memoryStorage()
  const faulty = cancelledBefore('succeeded', storage, () => jobs)
  const { submit, ended, jobs } = await started([double], {}, faulty)
  const job = await ended((await submit(double, { value: 1 })).id)
  expect(job).toMatchObject({ state: 'cancelled', cancel_requested: true, result: { doubled: 2 } })
})

test('a job that is cancelled after it has failed, but before that is stored, is cancelled', async () => {
  const storage = memoryStorage()
  const faulty = cancelledBefore('failed', storage, () => jobs)
  const fails = jobKind('fails', () => Promise.reject(new Error('a fault')))
  const { submit, ended, jobs } = await started([fails], {}, faulty)
  const job = await ended((await submit('fails', null)).id)
  expect(job).toMatchObject({ state: 'cancelled', cancel_requested: true, error: null })
})

test('a job that is cancelled just before it is begun stays as it is', async () => {
  const storage = memoryStorage()
  const faulty = cancelledBefore('running', storage, () => jobs)
  let runs = 0
  const counts = jobKind('counts', () => {
    runs++
    return null
  })
  const { submit, ended, jobs, runner } = await started([counts], {}, faulty)
  const { id } = await submit('counts', null)
  await ended(id)
  await runner.stop(60_000)
  const document = await storage.documents.get('jobs', id)
  expect(document?.value).toMatchObject({ state: 'cancelled', attempts: 0 })
  expect(runs).toBe(0)
})

test('a crashed job is cancelled by a process that does not know its kind', async () => {
  const storage = memoryStorage()
  const first = await started([patient()], {}, storage)
  const { id } = await first.submit('patient', null)
  await expect.poll(async () => (await first.jobs.get(id))?.state).toBe('running')
  await first.runner.stop(60_000)
  await change(storage, id, { state: 'running' })
  // Without room, since it is not run.
  const { jobs, submit, ended } = await started(
    [jobKind('busy', ({ signal }) => sleep(60_000, undefined, { signal }))],
    { concurrency: 1 },
    storage,
  )
  const busy = await submit('busy', null)
  await expect.poll(async () => (await jobs.get(busy.id))?.state).toBe('running')
  await jobs.cancel(id)
  expect(await ended(id)).toMatchObject({ state: 'cancelled', attempts: 1 })
  expect(await jobs.delete(id)).toBe(true)
})

test('a job that is slow to end is not ended by a process that does not run it', async () => {
  const storage = memoryStorage()
  const { opened, open } = gate()
  const slow = jobKind('slow', async () => {
    await opened
    return 'done'
  })
  const first = await started([slow], {}, storage)
  const second = await started([double], {}, storage)
  const { id } = await first.submit('slow', null)
  await expect.poll(async () => (await second.jobs.get(id))?.state).toBe('running')
  await second.jobs.cancel(id)
  await sleep(1_000) // several times the lease
  expect(await second.jobs.get(id)).toMatchObject({ state: 'running', cancel_requested: true })
  open()
  expect(await second.ended(id)).toMatchObject({ state: 'cancelled', result: 'done' })
})
