import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createEventBus, type EventBus, type EventQuery, type EventStorage } from '../../src/index.ts'
import { type Job, Jobs } from '../../src/jobs/index.ts'
import { sqliteStorage } from '../../src/storage/sqlite/index.ts'
import { PostgresSetup } from '../storage/postgres/setup.ts'
import { temporaryPath } from '../storage/sqlite/setup.ts'

// Processes that start one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000 })

const postgres = await PostgresSetup.start()

const KILLS = 3
/** The steps that the parent allows per kill. */
const STEPS_EACH = 30
const STEPS = (KILLS + 1) * STEPS_EACH
const PATIENT = { timeout: 60_000, interval: 20 }

interface Place {
  readonly url: string
  readonly schema: string
  readonly storage: EventStorage
}

const PLACES = {
  SQLite: (): Place => {
    const url = temporaryPath()
    return { url, schema: '', storage: sqliteStorage({ path: url }) }
  },
  PostgreSQL: (): Place => {
    const schema = postgres.newSchema()
    return { url: postgres.server.url, schema, storage: postgres.store({ schema }) }
  },
} as const

interface Step {
  readonly at: number
  readonly attempt: number
  readonly pid: number
}

test.for(Object.entries(PLACES))(
  'a job whose process is killed is continued by another at its checkpoint, on %s',
  async ([, at]) => {
    const place = at()
    const { bus, jobs } = await watch(place)
    const children = [await startChild(place, STEPS), await startChild(place)]
    const seen: Job[] = []
    for (let kill = 1; kill <= KILLS; kill++) {
      for (const child of children) child.send(kill * STEPS_EACH)
      // At a random point of the attempt.
      const enough = (kill - 1) * STEPS_EACH + randomInt(STEPS_EACH)
      await expect.poll(async () => (await lastStep(bus))?.at, PATIENT).toBeGreaterThanOrEqual(enough)
      const pid = (await lastStep(bus))?.pid
      const victim = children.findIndex((child) => child.pid === pid)
      await kill9(children.splice(victim, 1))
      seen.push(await onlyJob(jobs))
      children.push(await startChild(place))
    }
    for (const child of children) child.send(STEPS)
    await expect.poll(async () => (await onlyJob(jobs)).state, PATIENT).toBe('succeeded')

    const job = await onlyJob(jobs)
    // A machine that is busy for longer than the lease may cost further attempts.
    expect(job.attempts).toBeGreaterThan(KILLS)
    expect(job).toMatchObject({ result: { attempts: job.attempts }, error: null })
    expect(job.progress).toMatchObject({ done: STEPS, total: STEPS })
    const steps = await stepsOf(bus)
    expect(new Set(steps.map((step) => step.at))).toEqual(new Set(Array.from({ length: STEPS }, (_, i) => i)))
    for (const [index, step] of steps.entries()) {
      const before = steps[index - 1] ?? { at: -1, attempt: 0 }
      const isDoneAgain = step.attempt > before.attempt && step.at === before.at
      // The step whose checkpoint was not stored yet is done again, and no other.
      if (!isDoneAgain) expect(step.at).toBe(before.at + 1)
    }
    // Meanwhile other processes saw that the job was not done.
    for (const job of seen) expect(job).toMatchObject({ state: 'running', ended: null, result: null })
  },
)

test.for(Object.entries(PLACES))(
  'a process that was frozen while another took its job over does nothing more of it, on %s',
  async ([, at]) => {
    const place = at()
    const { bus, jobs } = await watch(place)
    const frozen = await startChild(place, STEPS)
    frozen.send(STEPS_EACH)
    const other = await startChild(place)
    await expect.poll(async () => (await lastStep(bus))?.at, PATIENT).toBe(STEPS_EACH - 1)
    other.send(STEPS - STEPS_EACH)
    do {
      // Frozen in the middle of a write, it would keep the database locked: then it is woken and frozen again.
      frozen.kill('SIGCONT')
      await sleep(50)
      frozen.kill('SIGSTOP')
      await sleep(2_000)
    } while ((await lastStep(bus))?.pid !== other.pid)
    frozen.kill('SIGCONT')
    for (const child of [frozen, other]) child.send(STEPS)
    await expect.poll(async () => (await onlyJob(jobs)).state, PATIENT).toBe('succeeded')

    const steps = await stepsOf(bus)
    const takeover = steps.findIndex(({ pid }) => pid === other.pid)
    // It may have been in the middle of a step, and may get the job again as another attempt.
    const attempt = steps[takeover]?.attempt ?? 0
    expect(steps.slice(takeover).filter((step) => step.attempt < attempt).length).toBeLessThanOrEqual(1)
    expect((await onlyJob(jobs)).result).toEqual({ attempts: steps.at(-1)?.attempt })
    expect(new Set(steps.map((step) => step.at)).size).toBe(STEPS)
  },
)

test.for(Object.entries(PLACES))(
  'a job is shown and cancelled by a process that runs none, on %s',
  async ([, at]) => {
    const place = at()
    const { bus, jobs } = await watch(place)
    const child = await startChild(place, 1_000_000)
    child.send(1_000_000)
    await expect.poll(() => lastStep(bus), PATIENT).toBeDefined()
    const { id } = await onlyJob(jobs)
    expect(await jobs.cancel(id)).toMatchObject({ job: { state: 'running', cancel_requested: true } })
    await expect.poll(async () => (await jobs.get(id))?.state, PATIENT).toBe('cancelled')
    expect(await jobs.cancel(id)).toMatchObject({ job: { state: 'cancelled' }, changed: false })
    const steps = await stepsOf(bus)
    await sleep(100)
    expect(await stepsOf(bus)).toEqual(steps)
  },
)

/** Records the job as a process without a runner sees it. */
async function watch({ storage }: Place) {
  const bus = createEventBus({ storage })
  await bus.start()
  onTestFinished(async () => void (await bus.stop()))
  return { bus, jobs: new Jobs(bus) }
}

async function onlyJob(jobs: Jobs): Promise<Job> {
  const { jobs: all } = await jobs.list({ limit: 10 })
  const [job] = all
  if (job === undefined || all.length > 1) throw new Error(`There are ${all.length} jobs`)
  return job
}

const STEP = { types: ['job.step'] }

async function lastStep(bus: EventBus): Promise<Step | undefined> {
  return (await stepsOf(bus, { order: 'desc', limit: 1 }))[0]
}

async function stepsOf(
  bus: EventBus,
  query: Pick<EventQuery, 'order' | 'limit'> = { order: 'asc', limit: 10_000 },
): Promise<readonly Step[]> {
  const { events } = await bus.list({ filter: STEP, count: 'none', ...query })
  return events.map(({ data }) => ({
    at: Number(data.at),
    attempt: Number(data.attempt),
    pid: Number(data.pid),
  }))
}

/** @param steps the number of steps of the job that it submits */
async function startChild({ url, schema }: Place, ...steps: readonly number[]) {
  const args = [url, schema, ...steps.map(String)]
  const child = fork(join(import.meta.dirname, 'children/run-jobs.ts'), args, {
    execArgv: ['--conditions=@viewra/source'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await once(child, 'message')
  return child
}

async function kill9(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}
