import { type Static, Type } from '@sinclair/typebox'
import { EventsError, type JsonValue } from '@viewra/events-core'
import { type Job, Jobs } from '@viewra/events-core/jobs'
import type { EventsScope, Feature } from '../feature.ts'
import { skipAudit } from '../http/audit.ts'
import { dateTime } from '../http/event-schema.ts'
import { NoBody } from '../http/request/no-body.ts'
import { type Ask, timedQueries } from '../http/timed-queries.ts'

const State = Type.Union(
  [
    Type.Literal('waiting'),
    Type.Literal('running'),
    Type.Literal('succeeded'),
    Type.Literal('failed'),
    Type.Literal('cancelled'),
  ],
  { description: 'The last three are final.' },
)

const orNull = (schema: ReturnType<typeof dateTime>, description: string) =>
  Type.Union([schema, Type.Null()], { description })

const common = {
  id: Type.String(),
  kind: Type.String(),
  state: State,
  progress: Type.Object(
    {
      done: Type.Number({ description: 'Units of work that are done.' }),
      total: Type.Union([Type.Number(), Type.Null()], { description: 'null while it is not known.' }),
      note: Type.String({ description: 'What the job is doing; "" if it does not say.' }),
    },
    { $id: 'JobProgress', description: 'How far a job is.' },
  ),
  rate: Type.Union([Type.Number(), Type.Null()], {
    description: 'Units per second; null unless the job is running and has done some.',
  }),
  eta_ms: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Milliseconds until the job ends at this rate; null if that is not known.',
  }),
  cancel_requested: Type.Boolean(),
  requested_by: Type.String({ description: 'Who submitted it; "" if nobody said.' }),
  attempts: Type.Integer({ description: 'More than 1 when a process that ran the job stopped or crashed.' }),
  created: dateTime('When it was submitted.'),
  started: orNull(dateTime('RFC 3339.'), 'When it was first begun; null before that.'),
  ended: orNull(dateTime('RFC 3339.'), 'When it ended; null before that.'),
  error: Type.Union([Type.String(), Type.Null()], { description: 'Why it failed; null otherwise.' }),
}

const EXAMPLE = {
  id: '01939c2e-7a10-7c3b-9d5e-5f1f4a2b6c7d',
  kind: 'library-scan',
  state: 'running',
  progress: { done: 1200, total: 4800, note: 'Films' },
  rate: 240,
  eta_ms: 15000,
  cancel_requested: false,
  requested_by: 'console',
  attempts: 1,
  created: '2026-01-31T18:30:00.000Z',
  started: '2026-01-31T18:30:00.040Z',
  ended: null,
  error: null,
}

const SummarySchema = Type.Object(common, {
  $id: 'JobSummary',
  description: 'A job, without its input and result.',
})

const JobSchema = Type.Object(
  {
    ...common,
    input: Type.Unsafe<JsonValue>({ description: 'What the job was given: any JSON.' }),
    result: Type.Unsafe<JsonValue>({ description: 'What the job has returned: any JSON; null before that.' }),
  },
  {
    $id: 'Job',
    description: 'Long-running work.',
    examples: [{ ...EXAMPLE, input: { path: '/srv/films' }, result: null }],
  },
)

const PageSchema = Type.Object(
  {
    jobs: Type.Array(SummarySchema, { description: 'Newest first.' }),
    next: Type.Optional(Type.String({ description: '`after` of the next page; absent on the last one.' })),
  },
  { $id: 'JobPage', description: 'A page of jobs.', examples: [{ jobs: [EXAMPLE] }] },
)

const ListQuery = Type.Object(
  {
    kind: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'Only of this kind.' })),
    state: Type.Optional(State),
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 50, description: 'Jobs of a page.' }),
    after: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'The `next` of the page before.' }),
    ),
  },
  { additionalProperties: false },
)

const Id = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128, description: 'The job’s `id`.' }),
})

/** Long-running work, whichever process runs it: list, show, cancel. */
export const jobsFeature: Feature = {
  tag: { name: 'Jobs', description: 'Long-running work: its progress, and an early end.' },
  addRoutes(scope, { bus, queryTimeoutMs }) {
    const jobs = new Jobs(bus)
    addReads(scope, jobs, timedQueries(scope, queryTimeoutMs))
    addCancel(scope, jobs)
  },
}

function addReads(scope: EventsScope, jobs: Jobs, ask: Ask): void {
  const listing = {
    operationId: 'listJobs',
    summary: 'List jobs',
    description: 'Jobs that wait or run in any process, and the last that have ended, the newest first.',
    querystring: ListQuery,
    response: { 200: PageSchema },
  }
  scope.get('/jobs', { schema: listing, config: { role: 'viewer' } }, async ({ query }, reply) => {
    const { jobs: found, next } = await ask(reply, (signal) => jobs.list(query, { signal }))
    return { jobs: found.map(summaryOf), ...(next !== undefined && { next }) }
  })
  const getting = {
    operationId: 'getJob',
    summary: 'Get one job',
    description: 'Its state and progress, and what it has returned or why it failed.',
    params: Id,
    response: { 200: JobSchema },
  }
  scope.get('/jobs/:id', { schema: getting, config: { role: 'viewer' } }, async ({ params: { id } }) => {
    const job = await jobs.get(id)
    if (job === undefined) throw new EventsError('EVENTS_NOT_FOUND', `There is no job '${id}'`)
    return detailsOf(job)
  })
}

function addCancel(scope: EventsScope, jobs: Jobs): void {
  const schema = {
    operationId: 'cancelJob',
    summary: 'Cancel a job',
    description:
      'A job that waits is cancelled at once. One that runs is told to end, in whichever process it runs: 202, and its ' +
      'address tells when it has. 409 for one that has succeeded or failed.',
    params: Id,
    body: NoBody,
    response: {
      200: JobSchema,
      202: {
        description: 'The job was told to end.',
        headers: { Location: Type.String({ description: 'The job’s address, relative to this one.' }) },
        content: { 'application/json': { schema: JobSchema } },
      },
    },
  }
  scope.delete(
    '/jobs/:id',
    { schema, config: { role: 'admin', audit: 'audit.job.cancelled', errors: [409] } },
    async (request, reply) => {
      const { id } = request.params
      const { job, changed } = await jobs.cancel(id)
      if (!changed) skipAudit(request)
      if (job.state === 'succeeded' || job.state === 'failed')
        throw new EventsError('EVENTS_CONFLICT', `The job '${id}' has already ended: it has ${job.state}`)
      if (job.state === 'cancelled') return reply.send(detailsOf(job))
      return reply.code(202).header('location', ownAddress(request.url, id)).send(detailsOf(job))
    },
  )
}

/** Relative, because a proxy may serve the API below another path. */
function ownAddress(url: string, id: string): string {
  const isBelow = url.split('?', 1)[0]?.endsWith('/') ?? false
  return `${isBelow ? '../' : './'}${encodeURIComponent(id)}`
}

function detailsOf(job: Job): Static<typeof JobSchema> {
  return { ...summaryOf(job), input: job.input, result: job.result }
}

function summaryOf(job: Job): Static<typeof SummarySchema> {
  const { progress, input: _, result: __, ...others } = job
  const { done, total, note, rate, eta } = progress
  const isRunning = job.state === 'running'
  return {
    ...others,
    progress: { done, total, note },
    rate: isRunning ? rate : null,
    eta_ms: isRunning && eta !== null ? Math.max(0, Date.parse(eta) - Date.now()) : null,
  }
}
