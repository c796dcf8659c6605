import { Type } from '@sinclair/typebox'
import type { BusStats } from '@viewra/events-core'
import { type Feature, OPERATIONS } from '../feature.ts'
import { CostlyAnswers, MANY_TYPES } from '../http/costly-answers.ts'
import { EVENT_EXAMPLE, EventSchema, int64 } from '../http/event-schema.ts'
import { timedQueries } from '../http/timed-queries.ts'

const counts = (description: string) => Type.Record(Type.String(), int64(), { description })

const STATS_EXAMPLE = {
  total_events: 1,
  events_by_type: { 'scan.progress': 1 },
  events_by_source: { 'plugin:scanner': 1 },
  events_by_priority: { low: 0, normal: 1, high: 0, critical: 0 },
  recent_events: [EVENT_EXAMPLE],
  active_subscriptions: 2,
}

const PriorityCountsSchema = Type.Object(
  {
    low: int64('Priority 0 to 4.'),
    normal: int64('Priority 5 to 9.'),
    high: int64('Priority 10 to 19.'),
    critical: int64('Priority 20 and above.'),
  },
  { $id: 'PriorityCounts' },
)

const StatsSchema = Type.Unsafe<BusStats>(
  Type.Object(
    {
      total_events: int64(),
      events_by_type: counts('By type: the 1,000 with most events.'),
      events_by_source: counts('By source: the 100 with most events.'),
      events_by_priority: PriorityCountsSchema,
      recent_events: Type.Array(EventSchema, { description: 'The newest ten.' }),
      active_subscriptions: Type.Integer(),
    },
    { $id: 'Stats', description: 'Totals of the stored events.', examples: [STATS_EXAMPLE] },
  ),
)

export const statsFeature: Feature = {
  tag: OPERATIONS,
  addRoutes(scope, { bus, queryTimeoutMs }) {
    const ask = timedQueries(scope, queryTimeoutMs)
    const stats = new CostlyAnswers<BusStats>(
      ({ events_by_type }) => Object.keys(events_by_type).length >= MANY_TYPES,
    )
    const schema = {
      operationId: 'getStats',
      summary: 'Get totals of the stored events',
      description: 'Counts by type, source and priority, and the newest events.',
      response: { 200: StatsSchema },
    }
    scope.get('/stats', { schema, config: { role: 'viewer' } }, async (_request, reply) =>
      stats.get(() => ask(reply, (signal) => bus.stats({ signal }))),
    )
  },
}
