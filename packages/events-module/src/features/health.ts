import { Type } from '@sinclair/typebox'
import { type Feature, OPERATIONS } from '../feature.ts'
import { ProblemSchema } from '../http/problem.ts'
import type { HealthReport } from '../options.ts'

const StatusSchema = Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('down')], {
  $id: 'HealthStatus',
})
const CheckSchema = Type.Object(
  { status: StatusSchema },
  { $id: 'HealthCheck', additionalProperties: true, description: 'How one part is, with its figures.' },
)

const ChecksSchema = Type.Unsafe<HealthReport['checks']>(
  Type.Record(Type.String(), CheckSchema, {
    description:
      'Of the bus, the storage, the buffer, the subscriptions and each worker by its name, each with its figures.',
  }),
)

const HealthySchema = Type.Object(
  { healthy: Type.Literal(true), status: StatusSchema, checks: ChecksSchema },
  {
    $id: 'Health',
    description: 'Events can be published and read, if worse than usual.',
    examples: [{ healthy: true, status: 'ok', checks: { storage: { status: 'ok' } } }],
  },
)
const UnhealthySchema = Type.Object(
  {
    healthy: Type.Literal(false),
    error: Type.String({ description: 'What is down, and why.' }),
    status: StatusSchema,
    checks: ChecksSchema,
  },
  {
    $id: 'Unhealthy',
    description: 'Something is down.',
    examples: [
      {
        healthy: false,
        error: 'storage: the file is gone',
        status: 'down',
        checks: { storage: { status: 'down' } },
      },
    ],
  },
)

const DOWN = {
  description: 'Something is down, or the server is too busy to say.',
  content: {
    'application/json': { schema: UnhealthySchema },
    'application/problem+json': { schema: ProblemSchema },
  },
}

/** Responds with 200 while events can be published and read, perhaps with restrictions; otherwise with 503. */
export const healthFeature: Feature = {
  tag: OPERATIONS,
  addRoutes(scope, { health }) {
    const schema = {
      operationId: 'getHealth',
      summary: 'Report whether events can be published and read',
      description:
        '200 while events can be published and read, if worse than usual; 503 with what is down otherwise.',
      response: { 200: HealthySchema, 503: DOWN },
    }
    scope.get('/health', { schema, config: { role: 'anyone' } }, async (_request, reply) => {
      const { status, checks } = await health()
      reply.header('cache-control', 'no-store')
      if (status !== 'down') return reply.send({ healthy: true, status, checks })
      return reply.code(503).send({ healthy: false, error: whatIsDown(checks), status, checks })
    })
  },
}

function whatIsDown(checks: HealthReport['checks']): string {
  const down = Object.entries(checks).filter(([, check]) => check.status === 'down')
  return down.map(([name, check]) => `${name}: ${check.detail ?? 'down'}`).join('; ')
}
