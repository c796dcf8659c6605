import { expect, onTestFinished } from 'vitest'
import { createEventBus, memoryStorage } from '../../src/index.ts'
import {
  type Job,
  type JobContext,
  type JobRunner,
  type JobRunnerOptions,
  jobKind,
  jobRunner,
} from '../../src/jobs/index.ts'
import { bound } from '../bus/setup.ts'

export type Store = ReturnType<typeof memoryStorage>

/** Starts a bus with a job runner, which is stopped when the test ends. */
export async function started(
  kinds: JobRunnerOptions['kinds'],
  options: Partial<JobRunnerOptions> = {},
  storage?: Store,
) {
  const runner = jobRunner({ kinds, leaseMs: 300, ...options })
  const { jobs } = runner
  const bus = createEventBus({ storage: storage ?? memoryStorage(), workers: [runner], pollIntervalMs: 20 })
  await bus.start()
  onTestFinished(async () => {
    await bus.stop({ timeoutMs: 100 })
  })
  const ended = async (id: string): Promise<Job> => {
    await expect.poll(async () => (await jobs.get(id))?.state).toMatch(/succeeded|failed|cancelled/)
    const job = await jobs.get(id)
    if (job === undefined) throw new Error('the job is gone')
    return job
  }
  const submit: JobRunner['submit'] = runner.submit.bind(runner)
  return { bus, runner, jobs, submit, ended }
}

export const double = jobKind<{ value: number }, { doubled: number }>('double', ({ input }) => ({
  doubled: input.value * 2,
}))

/** A kind of job that runs until its signal aborts. */
export const patient = (seen: JobContext<unknown, unknown>[] = []) =>
  jobKind<unknown, unknown, unknown>('patient', async (job) => {
    seen.push(job)
    await new Promise((_, reject) => job.signal.addEventListener('abort', () => reject(job.signal.reason)))
  })

/** Returns the store with some of its parts replaced, for faults that a real store cannot be made to have. */
export function withFaults(storage: Store, faults: Partial<Store>): Store {
  return { ...bound(storage), ...faults }
}
