import { type Static, Type } from '@sinclair/typebox'
import type { DurableSubscriptions, SubscriptionInfo } from '@viewra/events-core'
import type { EventsScope, Feature } from '../feature.ts'
import { dateTime, int64 } from '../http/event-schema.ts'
import { EventFilterSchema } from '../http/request/event-filter-schema.ts'
import { NoBody } from '../http/request/no-body.ts'

const SubscriptionSchema = Type.Unsafe<SubscriptionInfo>(
  Type.Object(
    {
      id: Type.String(),
      name: Type.String(),
      subscriber: Type.String({ description: 'Who subscribed; "" when it did not say.' }),
      filter: EventFilterSchema,
      created: dateTime('When it was made.'),
      last_triggered: Type.Union([dateTime('RFC 3339.'), Type.Null()], {
        description: 'null before the first event.',
      }),
      trigger_count: int64(),
      durable: Type.Boolean(),
      state: Type.String({ description: 'waiting (another process runs it), running, paused or stalled.' }),
      lag: int64('Events that wait; of a durable one, up to the end of the log.'),
      in_flight: Type.Integer(),
      dropped: int64(),
      errors: int64(),
    },
    { $id: 'Subscription', description: 'A subscription of this process.' },
  ),
)

const RangeSchema = Type.Object(
  { from: int64(), to: int64() },
  { $id: 'PositionRange', description: 'Positions of the log, both inclusive.' },
)

const DurableSchema = Type.Object(
  {
    name: Type.String(),
    partitions: Type.Integer(),
    position: int64('All up to it is handled.'),
    lag: int64('Positions between it and the end of the log, matching or not.'),
    missed: Type.Union([RangeSchema, Type.Null()], {
      description:
        'Positions that it could not have last, because retention had removed them; null when none.',
    }),
    state: Type.Union([Type.Literal('running'), Type.Literal('waiting'), Type.Literal('paused')]),
    owners: Type.Array(Type.String(), { description: 'The processes that run it.' }),
    created: dateTime('When it was made.'),
    saved: dateTime('When a position was last saved.'),
  },
  { $id: 'DurableSubscription', description: 'A subscription that the store knows, whoever runs it.' },
)

const SUBSCRIPTION_EXAMPLE = {
  id: 'live-1',
  name: 'http-stream',
  subscriber: '127.0.0.1',
  filter: { types: ['scan.*'] },
  created: '2026-01-31T18:00:00.000Z',
  last_triggered: null,
  trigger_count: 0,
  durable: false,
  state: 'running',
  lag: 0,
  in_flight: 0,
  dropped: 0,
  errors: 0,
}

const DURABLE_EXAMPLE = {
  name: 'metadata-enricher',
  partitions: 1,
  position: 1042,
  lag: 0,
  missed: null,
  state: 'running',
  owners: ['nas/4711/5f1f4a2b'],
  created: '2026-01-31T18:00:00.000Z',
  saved: '2026-01-31T18:30:00.000Z',
}

const SubscriptionsSchema = Type.Object(
  {
    subscriptions: Type.Array(SubscriptionSchema, { description: 'Those of this process.' }),
    count: Type.Integer(),
    durable: Type.Array(DurableSchema, { description: 'All that the store knows, whoever runs them.' }),
  },
  {
    $id: 'SubscriptionList',
    description: 'Who subscribes.',
    examples: [{ subscriptions: [SUBSCRIPTION_EXAMPLE], count: 1, durable: [DURABLE_EXAMPLE] }],
  },
)

const ChangedSchema = Type.Object(
  {
    message: Type.String(),
    name: Type.String(),
    success: Type.Literal(true),
  },
  {
    $id: 'SubscriptionResult',
    description: 'It is done.',
    examples: [{ message: 'Subscription paused', name: 'metadata-enricher', success: true }],
  },
)
const Name = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 128, description: 'The durable subscription’s name.' }),
})
const ResetBody = Type.Object(
  {
    to: Type.Union(
      [Type.Literal('beginning'), Type.Literal('now'), Type.Integer({ minimum: 0, format: 'int64' })],
      {
        description: 'A position: that of the last event that is not to come again.',
      },
    ),
  },
  {
    $id: 'SubscriptionReset',
    additionalProperties: false,
    examples: [{ to: 'beginning' }, { to: 1042 }],
  },
)

const RenameBody = Type.Object(
  { to: Type.String({ minLength: 1, maxLength: 128 }) },
  { $id: 'SubscriptionRename', additionalProperties: false, examples: [{ to: 'metadata-enricher-2' }] },
)

const adminOnly = <A extends string>(audit: A) => ({ role: 'admin', audit }) as const
const documented = (operationId: string, summary: string, description: string) => ({
  operationId,
  summary,
  description,
})

/** Lists subscriptions, and pauses, resumes, resets, renames and deletes durable ones. */
export const subscriptionsFeature: Feature = {
  tag: { name: 'Subscriptions', description: 'Who gets events in process; durable subscriptions.' },
  addRoutes(scope, { bus }) {
    scope.get(
      '/subscriptions',
      {
        schema: {
          ...documented(
            'listSubscriptions',
            'List subscriptions and how far behind they are',
            'The subscriptions of this process, and all durable ones that the store knows.',
          ),
          response: { 200: SubscriptionsSchema },
        },
        config: { role: 'viewer' },
      },
      async () => {
        const subscriptions = [...bus.subscriptions()]
        const durable = (await bus.durable.list()).map((info) => ({ ...info, owners: [...info.owners] }))
        return { subscriptions, count: subscriptions.length, durable }
      },
    )
    addPause(scope, bus.durable)
    addReset(scope, bus.durable)
    addRemoval(scope, bus.durable)
  },
}

function addPause(scope: EventsScope, durable: DurableSubscriptions): void {
  const schema = { params: Name, body: NoBody, response: { 200: ChangedSchema } }
  scope.post(
    '/subscriptions/:name/pause',
    {
      schema: {
        ...documented(
          'pauseSubscription',
          'Pause a durable subscription',
          'Has its handler called no more, in whichever process, until it is resumed.',
        ),
        ...schema,
      },
      config: adminOnly('audit.subscription.paused'),
    },
    async ({ params: { name } }) => {
      await durable.pause(name)
      return changed(name, 'Subscription paused')
    },
  )
  scope.post(
    '/subscriptions/:name/resume',
    {
      schema: {
        ...documented(
          'resumeSubscription',
          'Resume a durable subscription',
          'Has its handler called again, from where it was paused.',
        ),
        ...schema,
      },
      config: adminOnly('audit.subscription.resumed'),
    },
    async ({ params: { name } }) => {
      await durable.resume(name)
      return changed(name, 'Subscription resumed')
    },
  )
}

function addReset(scope: EventsScope, durable: DurableSubscriptions): void {
  const schema = {
    ...documented(
      'resetSubscription',
      'Move a durable subscription to another position',
      'It goes on behind the position that is given, at the beginning, or with what comes from now on.',
    ),
    params: Name,
    body: ResetBody,
    response: { 200: ChangedSchema },
  }
  scope.post(
    '/subscriptions/:name/reset',
    { schema, config: adminOnly('audit.subscription.reset') },
    async ({ params: { name }, body: { to } }) => {
      await durable.reset(name, to)
      return changed(name, 'Subscription reset')
    },
  )
}

function addRemoval(scope: EventsScope, durable: DurableSubscriptions): void {
  const renaming = {
    ...documented(
      'renameSubscription',
      'Rename a durable subscription',
      'Takes the checkpoint and the dead letters along; 409 when there is one of that name.',
    ),
    params: Name,
    body: RenameBody,
    response: { 200: ChangedSchema },
  }
  scope.post(
    '/subscriptions/:name/rename',
    { schema: renaming, config: { ...adminOnly('audit.subscription.renamed'), errors: [409] } },
    async ({ params: { name }, body: { to } }) => {
      await durable.rename(name, to)
      return changed(to, 'Subscription renamed')
    },
  )
  const deleting = {
    ...documented(
      'deleteSubscription',
      'Delete a durable subscription',
      'Forgets it, with its checkpoint and its dead letters.',
    ),
    params: Name,
    body: NoBody,
    response: { 200: ChangedSchema },
  }
  scope.delete(
    '/subscriptions/:name',
    { schema: deleting, config: adminOnly('audit.subscription.deleted') },
    async ({ params: { name } }) => {
      await durable.delete(name)
      return changed(name, 'Subscription deleted')
    },
  )
}

function changed(name: string, message: string): Static<typeof ChangedSchema> {
  return { message, name, success: true }
}
