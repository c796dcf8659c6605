import { type Static, Type } from '@sinclair/typebox'
import type { SubscriptionInfo } from '@viewra/events-core'
import type { EventsScope, Feature } from '../http/feature.ts'
import { NoBody } from '../http/no-body.ts'
import { problem } from '../http/openapi.ts'

const SubscriptionSchema = Type.Unsafe<SubscriptionInfo>(
  Type.Object({
    id: Type.String(),
    name: Type.String(),
    subscriber: Type.String({ description: 'Who subscribed; "" when it did not say.' }),
    filter: Type.Object({}, { additionalProperties: true }),
    created: Type.String(),
    last_triggered: Type.Union([Type.String(), Type.Null()]),
    trigger_count: Type.Integer(),
    durable: Type.Boolean(),
    state: Type.String({ description: 'waiting (another process runs it), running, paused or stalled.' }),
    lag: Type.Integer({ description: 'Events that wait; of a durable one, up to the end of the log.' }),
    in_flight: Type.Integer(),
    dropped: Type.Integer(),
    errors: Type.Integer(),
  }),
)

const RangeSchema = Type.Object({ from: Type.Integer(), to: Type.Integer() })

const DurableSchema = Type.Object({
  name: Type.String(),
  partitions: Type.Integer(),
  position: Type.Integer({ description: 'All up to it is handled.' }),
  lag: Type.Integer({ description: 'Positions between it and the end of the log, matching or not.' }),
  missed: Type.Union([RangeSchema, Type.Null()], {
    description: 'Positions that it could not have last, because retention had removed them; null when none.',
  }),
  state: Type.Union([Type.Literal('running'), Type.Literal('waiting'), Type.Literal('paused')]),
  owners: Type.Array(Type.String(), { description: 'The processes that run it.' }),
  created: Type.String(),
  saved: Type.String({ description: 'When a position was last saved.' }),
})

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
  { examples: [{ subscriptions: [SUBSCRIPTION_EXAMPLE], count: 1, durable: [DURABLE_EXAMPLE] }] },
)

const ChangedSchema = Type.Object(
  {
    message: Type.String(),
    name: Type.String(),
    success: Type.Literal(true),
  },
  { examples: [{ message: 'Subscription paused', name: 'metadata-enricher', success: true }] },
)
const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 128 }) })
const ResetBody = Type.Object(
  {
    to: Type.Union([Type.Literal('beginning'), Type.Literal('now'), Type.Integer({ minimum: 0 })], {
      description: 'A position: that of the last event that is not to come again.',
    }),
  },
  { additionalProperties: false, examples: [{ to: 'beginning' }, { to: 1042 }] },
)

const RenameBody = Type.Object(
  { to: Type.String({ minLength: 1, maxLength: 128 }) },
  { additionalProperties: false, examples: [{ to: 'metadata-enricher-2' }] },
)

const adminOnly = <A extends string>(audit: A) => ({ role: 'admin', audit }) as const
const documented = (summary: string) => ({ summary, tags: ['Subscriptions'] })

/** Who subscribes, and durable subscriptions: pause, resume, reset, rename, delete. */
export const subscriptionsRoutes: Feature = (scope, { bus }) => {
  scope.get(
    '/subscriptions',
    {
      schema: { ...documented('Who subscribes'), response: { 200: SubscriptionsSchema } },
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
}

type Durable = Parameters<Feature>[1]['bus']['durable']

function addPause(scope: EventsScope, durable: Durable): void {
  const schema = { params: Name, body: NoBody, response: { 200: ChangedSchema } }
  scope.post(
    '/subscriptions/:name/pause',
    {
      schema: { ...documented('Pause a durable subscription'), ...schema },
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
      schema: { ...documented('Resume a durable subscription'), ...schema },
      config: adminOnly('audit.subscription.resumed'),
    },
    async ({ params: { name } }) => {
      await durable.resume(name)
      return changed(name, 'Subscription resumed')
    },
  )
}

function addReset(scope: EventsScope, durable: Durable): void {
  const schema = {
    ...documented('Set how far a durable subscription is'),
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

function addRemoval(scope: EventsScope, durable: Durable): void {
  const renaming = {
    ...documented('Rename a durable subscription'),
    params: Name,
    body: RenameBody,
    response: { 200: ChangedSchema, 409: problem(409) },
  }
  scope.post(
    '/subscriptions/:name/rename',
    { schema: renaming, config: adminOnly('audit.subscription.renamed') },
    async ({ params: { name }, body: { to } }) => {
      await durable.rename(name, to)
      return changed(to, 'Subscription renamed')
    },
  )
  const deleting = {
    ...documented('Delete a durable subscription'),
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
