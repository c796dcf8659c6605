import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryStorage } from '@viewra/events-core'
import { jobKind, jobRunner } from '@viewra/events-core/jobs'
import { sqliteStorage } from '@viewra/events-core/sqlite'
import type { FastifyInstance } from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createToken } from '../src/index.ts'
import { eventsApp } from './events-app.ts'

const URL = '/api/v1/events/jobs'
const PATIENT = { timeout: 30_000 }

/** Succeeds at once. */
const double = jobKind<number, { doubled: number }>('double', ({ input }) => ({ doubled: input * 2 }))
const broken = jobKind<null, null>('broken', () => {
  throw new Error('no such library')
})

/** Tells its progress and ends when it is told to. */
const patient = jobKind<null, null>('patient', async ({ signal, progress }) => {
  progress(0, 200, 'Films')
  const timer = setInterval(() => progress(50, 200, 'Films'), 5)
  await once(signal, 'abort')
  clearInterval(timer)
  signal.throwIfAborted()
  return null
})

/** Does not end when it is told to, but when it is released. */
let release = () => {}
const stubborn = jobKind<null, null>('stubborn', async () => {
  await new Promise<void>((resolve) => {
    release = resolve
  })
  return null
})

async function appWithJobs(module: NonNullable<Parameters<typeof eventsApp>[0]>['module'] = {}) {
  const runner = jobRunner({ kinds: [double, broken, patient, stubborn], concurrency: 1 })
  const { app, bus } = await eventsApp({ bus: { workers: [runner], pollIntervalMs: 20 }, module })
  const ended = async (id: string) => {
    await expect.poll(async () => (await getJob(app, id)).ended).not.toBeNull()
    return getJob(app, id)
  }
  return { app, bus, runner, ended }
}

const getJob = async (app: FastifyInstance, id: string) => (await app.inject(`${URL}/${id}`)).json()

const list = async (app: FastifyInstance, query = '') => (await app.inject(`${URL}${query}`)).json()

const cancel = (app: FastifyInstance, id: string, headers = {}) =>
  app.inject({ method: 'DELETE', url: `${URL}/${id}`, headers })

describe('a job', () => {
  test('that has ended is shown with its result, or with why it failed', async () => {
    const { app, runner, ended } = await appWithJobs()
    const { id } = await runner.submit(double, 21, { requestedBy: 'me' })
    expect(await ended(id)).toEqual({
      id,
      kind: 'double',
      state: 'succeeded',
      progress: { done: 0, total: null, note: '' },
      rate: null,
      eta_ms: null,
      cancel_requested: false,
      requested_by: 'me',
      attempts: 1,
      created: expect.stringMatching(/Z$/),
      started: expect.stringMatching(/Z$/),
      ended: expect.stringMatching(/Z$/),
      error: null,
      input: 21,
      result: { doubled: 42 },
    })
    const failed = await runner.submit(broken, null)
    expect(await ended(failed.id)).toMatchObject({
      state: 'failed',
      result: null,
      error: 'no such library',
    })
    expect((await list(app)).jobs[0]).not.toHaveProperty('input')
  })

  test('that runs is shown with its progress, its rate and when it will end', async () => {
    const { app, runner } = await appWithJobs()
    const { id } = await runner.submit(patient, null)
    await expect.poll(async () => (await getJob(app, id)).progress).toMatchObject({ done: 50 })
    const job = await getJob(app, id)
    expect(job).toMatchObject({ state: 'running', progress: { done: 50, total: 200, note: 'Films' } })
    expect(job.rate).toBeGreaterThan(0)
    expect(job.eta_ms).toBeGreaterThanOrEqual(0)
  })

  test('with an id that none can have is 400, which names it', async () => {
    const { app } = await appWithJobs()
    for (const method of ['GET', 'DELETE'] as const) {
      const answer = await app.inject({ method, url: `${URL}/%00` })
      expect([answer.statusCode, answer.json().errors]).toEqual([
        400,
        [expect.objectContaining({ path: 'id' })],
      ])
    }
  })

  test('that is unknown is 404', async () => {
    const { app } = await appWithJobs()
    for (const method of ['GET', 'DELETE'] as const) {
      const answer = await app.inject({ method, url: `${URL}/none` })
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'EVENTS_NOT_FOUND'])
    }
  })
})

test('jobs are listed newest first, page by page, by kind and state', async () => {
  const { app, runner, ended } = await appWithJobs()
  const ids: string[] = []
  for (const kind of [double, broken, double]) ids.push((await runner.submit(kind as typeof double, 1)).id)
  for (const id of ids) await ended(id)
  const idsOf = (page: { jobs: { id: string }[] }) => page.jobs.map(({ id }) => id)
  expect(idsOf(await list(app))).toEqual(ids.toReversed())
  expect(idsOf(await list(app, '?kind=double'))).toEqual([ids[2], ids[0]])
  expect(idsOf(await list(app, '?state=failed'))).toEqual([ids[1]])
  const first = await list(app, '?limit=2')
  expect(idsOf(first)).toEqual([ids[2], ids[1]])
  const second = await list(app, `?limit=2&after=${first.next}`)
  expect(second).toEqual({ jobs: [expect.objectContaining({ id: ids[0] })] })
  for (const query of ['?limit=0', '?limit=101', '?state=done', '?kind=', '?since=now'])
    expect((await app.inject(URL + query)).statusCode, query).toBe(400)
})

test('a list that takes too long is given up', async () => {
  const storage = memoryStorage()
  const page = { documents: [], next: 'more' }
  const documents = Object.assign(Object.create(storage.documents), { list: () => sleep(1, page) })
  const { app } = await eventsApp({
    bus: { storage: Object.assign(storage, { documents }) },
    module: { queryTimeoutMs: 50 },
  })
  const answer = await app.inject(`${URL}?kind=none`)
  expect([answer.statusCode, answer.json().code]).toEqual([503, 'HTTP_QUERY_TIMEOUT'])
})

describe('cancelling', () => {
  test.for(['', '/'])('ends a job that runs, which its address shows (path with %j)', async (slash) => {
    const { app, bus, runner, ended } = await appWithJobs()
    const { id } = await runner.submit(patient, null)
    await expect.poll(async () => (await getJob(app, id)).state).toBe('running')
    const answer = await cancel(app, id + slash)
    expect(answer.statusCode).toBe(202)
    expect(answer.json()).toMatchObject({ state: 'running', cancel_requested: true })
    const base = `http://host${URL}/${id}${slash}`
    expect(new globalThis.URL(answer.headers.location ?? '', base).pathname).toBe(`${URL}/${id}`)
    expect(await ended(id)).toMatchObject({ state: 'cancelled', result: null, error: null })
    // As often as the client likes: the response may have been lost.
    expect((await cancel(app, id)).statusCode).toBe(200)
    // Only the first has changed anything.
    const { events } = await bus.list({ filter: { types: ['audit.job.cancelled'] }, limit: 10 })
    expect(events.map(({ data }) => data)).toEqual([expect.objectContaining({ target: { id } })])
  })

  test('of a job that is still to end leaves one record, however often it is requested', async () => {
    const { app, bus, runner } = await appWithJobs()
    const { id } = await runner.submit(stubborn, null)
    await expect.poll(async () => (await getJob(app, id)).state).toBe('running')
    for (let count = 0; count < 3; count++) expect((await cancel(app, id)).statusCode).toBe(202)
    expect(await bus.count({ types: ['audit.job.cancelled'] })).toBe(1)
    release()
  })

  test('ends a job that waits at once', async () => {
    const { app, runner } = await appWithJobs()
    const first = await runner.submit(patient, null)
    await expect.poll(async () => (await getJob(app, first.id)).state).toBe('running')
    const second = await runner.submit(patient, null)
    const answer = await cancel(app, second.id)
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ state: 'cancelled', attempts: 0 })
  })

  test('a job that has ended otherwise is refused and leaves no record', async () => {
    const { app, bus, runner, ended } = await appWithJobs()
    for (const { id } of [await runner.submit(double, 1), await runner.submit(broken, null)]) {
      const { state } = await ended(id)
      const answer = await cancel(app, id)
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'EVENTS_CONFLICT'])
      expect(answer.json().detail).toContain(state)
    }
    expect(await bus.count({ types: ['audit.*'] })).toBe(0)
  })

  test('is for admins, and looking for viewers', async () => {
    const [viewer, admin] = [createToken(), createToken()]
    const tokens = [
      { name: 'screen', role: 'viewer', hash: viewer.hash },
      { name: 'console', role: 'admin', hash: admin.hash },
    ] as const
    const { app, runner } = await appWithJobs({ tokens })
    const { id } = await runner.submit(patient, null)
    const as = (token: string) => ({ authorization: `Bearer ${token}` })
    for (const url of [URL, `${URL}/${id}`]) {
      expect((await app.inject(url)).statusCode).toBe(401)
      expect((await app.inject({ url, headers: as(viewer.token) })).statusCode).toBe(200)
    }
    expect((await cancel(app, id)).statusCode).toBe(401)
    expect((await cancel(app, id, as(viewer.token))).statusCode).toBe(403)
    expect((await runner.jobs.get(id))?.cancel_requested).toBe(false)
    expect((await cancel(app, id, as(admin.token))).statusCode).toBeLessThan(300)
  })
})

test('a process that runs no jobs shows and cancels those of another', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'viewra-events-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'events.db')
  const child = fork(join(import.meta.dirname, 'children/run-job.ts'), [path], {
    execArgv: ['--conditions=@viewra/source'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'message')
  const { app } = await eventsApp({ bus: { storage: sqliteStorage({ path }) } })
  await expect.poll(async () => (await list(app)).jobs[0]?.progress.done, PATIENT).toBeGreaterThan(0)
  const { id } = (await list(app)).jobs[0]
  expect(await getJob(app, id)).toMatchObject({ kind: 'counting', state: 'running', input: { to: 1e9 } })
  expect((await cancel(app, id)).statusCode).toBe(202)
  await expect.poll(async () => (await getJob(app, id)).state, PATIENT).toBe('cancelled')
}, 120_000)
