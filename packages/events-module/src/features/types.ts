import { Type } from '@sinclair/typebox'
import type { Feature } from '../feature.ts'
import { CostlyAnswers, MANY_TYPES } from '../http/costly-answers.ts'
import { timedQueries } from '../http/timed-queries.ts'

const TypesSchema = Type.Object(
  {
    event_types: Type.Array(Type.String(), {
      description: 'Sorted: those known beforehand, and of those of stored events the 1,000 with most.',
    }),
    count: Type.Integer(),
  },
  {
    $id: 'EventTypes',
    description: 'All event types.',
    examples: [{ event_types: ['scan.progress', 'scan.started'], count: 2 }],
  },
)

export const typesFeature: Feature = {
  tag: { name: 'Types', description: 'Event types.' },
  addRoutes(scope, { bus, queryTimeoutMs }) {
    const ask = timedQueries(scope, queryTimeoutMs)
    const names = new CostlyAnswers<readonly string[]>(({ length }) => length >= MANY_TYPES)
    const schema = {
      operationId: 'listEventTypes',
      summary: 'List the known and the stored event types',
      description: 'The types that are known beforehand, and those of stored events.',
      response: { 200: TypesSchema },
    }
    scope.get('/types', { schema, config: { role: 'viewer' } }, async (_request, reply) => {
      const types = await names.get(() => ask(reply, (signal) => bus.types({ signal })))
      return { event_types: [...types], count: types.length }
    })
  },
}
