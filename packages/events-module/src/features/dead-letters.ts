import { Type } from '@sinclair/typebox'
import { type DeadLetters, EventsError } from '@viewra/events-core'
import type { EventsScope, Feature } from '../feature.ts'
import { dateTime, EVENT_EXAMPLE, EventSchema, int64 } from '../http/event-schema.ts'
import { NoBody } from '../http/request/no-body.ts'

const selection = {
  subscription: Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, description: 'The name of the durable subscription.' }),
  ),
  type: Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, description: 'The event’s type, exactly.' }),
  ),
}

const ListQuery = Type.Object(
  {
    ...selection,
    limit: Type.Integer({ minimum: 1, maximum: 1_000, default: 50, description: 'Dead letters of a page.' }),
    after: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'The `next` of the page before.' }),
    ),
  },
  { additionalProperties: false },
)

const DeadLetterSchema = Type.Object(
  {
    id: Type.String(),
    subscription: Type.String(),
    event: EventSchema,
    error: Type.String(),
    stack: Type.Union([Type.String(), Type.Null()]),
    attempts: Type.Integer({ description: 'Calls of the handler so far.' }),
    first_failed_at: dateTime('RFC 3339.'),
    last_failed_at: dateTime('RFC 3339.'),
    retrying: Type.Boolean({ description: 'Whether a retry was asked for and is still to come.' }),
  },
  { $id: 'DeadLetter', description: 'An event that a handler could not take.' },
)

const DEAD_LETTER_EXAMPLE = {
  id: '7',
  subscription: 'metadata-enricher',
  event: EVENT_EXAMPLE,
  error: 'no tags in this file',
  stack: null,
  attempts: 3,
  first_failed_at: '2026-01-31T18:30:01.000Z',
  last_failed_at: '2026-01-31T18:30:09.000Z',
  retrying: false,
}

const PageSchema = Type.Object(
  {
    dead_letters: Type.Array(DeadLetterSchema, { description: 'Newest first.' }),
    total: int64(),
    next: Type.Optional(Type.String({ description: '`after` of the next page; absent on the last one.' })),
  },
  {
    $id: 'DeadLetterPage',
    description: 'A page of dead letters.',
    examples: [{ dead_letters: [DEAD_LETTER_EXAMPLE], total: 1 }],
  },
)

const RetryBody = Type.Object(
  {
    ...selection,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, description: '1,000 by default.' })),
    dry_run: Type.Optional(Type.Boolean({ description: 'Only counts.' })),
    cancel: Type.Optional(
      Type.Boolean({ description: 'Takes back what was asked for and is still to come.' }),
    ),
  },
  {
    $id: 'DeadLetterSelection',
    additionalProperties: false,
    examples: [{ subscription: 'metadata-enricher', dry_run: true }],
  },
)

const CountSchema = Type.Object(
  { message: Type.String(), count: int64() },
  {
    $id: 'DeadLetterCount',
    description: 'How many there are.',
    examples: [{ message: 'Retries asked for', count: 3 }],
  },
)
const Id = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128, description: 'The dead letter’s `id`.' }),
})
const DoneSchema = Type.Object(
  { message: Type.String(), id: Type.String(), success: Type.Literal(true) },
  {
    $id: 'DeadLetterResult',
    description: 'It is done.',
    examples: [{ message: 'Retry asked for', id: '7', success: true }],
  },
)

/** Dead letters of durable subscriptions: list, retry, delete. */
export const deadLettersFeature: Feature = {
  tag: { name: 'Dead letters', description: 'What handlers of durable subscriptions could not take.' },
  addRoutes(scope, { bus }) {
    addList(scope, bus.deadLetters)
    addRetry(scope, bus.deadLetters)
    addOne(scope, bus.deadLetters)
  },
}

function addList(scope: EventsScope, letters: DeadLetters): void {
  const schema = {
    operationId: 'listDeadLetters',
    summary: 'List dead letters',
    description: 'What handlers of durable subscriptions could not take, the newest first.',
    querystring: ListQuery,
    response: { 200: PageSchema },
  }
  scope.get(
    '/dead-letters',
    { schema, config: { role: 'viewer' } },
    async ({ query: { limit, after, ...filter } }) => {
      const { deadLetters, total, next } = await letters.list({ filter, limit, ...(after && { after }) })
      return { dead_letters: [...deadLetters], total, ...(next && { next }) }
    },
  )
}

function addRetry(scope: EventsScope, letters: DeadLetters): void {
  const schema = {
    operationId: 'retryDeadLetters',
    summary: 'Retry the dead letters that match',
    description:
      'The process that runs the subscription hands them to its handler once more, the oldest first.',
    body: RetryBody,
    response: { 200: CountSchema },
  }
  scope.post(
    '/dead-letters/retry',
    { schema, config: { role: 'admin', audit: 'audit.dead_letters.retried' } },
    async ({ body }) => {
      const { limit, dry_run: dryRun = false, cancel = false, ...filter } = body
      if (cancel) return { message: 'Retries taken back', count: await letters.cancelRetry(filter) }
      const count = await letters.retry(filter, { dryRun, ...(limit && { limit }) })
      return { message: dryRun ? 'Dead letters that would be retried' : 'Retries asked for', count }
    },
  )
}

function addOne(scope: EventsScope, letters: DeadLetters): void {
  const schema = { params: Id, body: NoBody, response: { 200: DoneSchema } }
  scope.post(
    '/dead-letters/:id/retry',
    {
      schema: {
        ...schema,
        operationId: 'retryDeadLetter',
        summary: 'Retry a dead letter',
        description: 'The process that runs the subscription hands it to its handler once more.',
      },
      config: { role: 'admin', audit: 'audit.dead_letters.retried' },
    },
    async ({ params: { id } }) => {
      if ((await letters.get(id)) === undefined) throw notFound(id)
      await letters.retry({ id })
      return { message: 'Retry asked for', id, success: true as const }
    },
  )
  scope.delete(
    '/dead-letters/:id',
    {
      schema: {
        ...schema,
        operationId: 'deleteDeadLetter',
        summary: 'Delete a dead letter',
        description: 'The handler is not called with its event again.',
      },
      config: { role: 'admin', audit: 'audit.dead_letter.deleted' },
    },
    async ({ params: { id } }) => {
      if ((await letters.delete({ id })) === 0) throw notFound(id)
      return { message: 'Dead letter deleted', id, success: true as const }
    },
  )
}

function notFound(id: string): EventsError {
  return new EventsError(
    'EVENTS_NOT_FOUND',
    `there is no dead letter '${id}': it was retried, deleted, or never was`,
  )
}
