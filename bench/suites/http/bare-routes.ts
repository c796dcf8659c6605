import { randomUUIDv7 } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { eventAt } from '../../harness/events.ts'

const text = { type: 'string' }
const event = {
  type: 'object',
  required: ['type', 'source'],
  additionalProperties: false,
  properties: {
    type: { ...text, maxLength: 128, pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$' },
    source: { ...text, minLength: 1, maxLength: 256 },
    id: { ...text, minLength: 1, maxLength: 128 },
    target: { ...text, maxLength: 256 },
    title: { ...text, maxLength: 512 },
    message: { ...text, maxLength: 8_192 },
    data: { type: 'object' },
    priority: { type: 'integer', minimum: 0, maximum: 100 },
    tags: { type: 'array', maxItems: 32, items: { ...text, minLength: 1, maxLength: 64 } },
    timestamp: text,
    ttl: { type: 'integer', minimum: 1 },
    correlation_id: text,
    causation_id: text,
    traceparent: text,
  },
}

const PAGE = {
  events: Array.from({ length: 50 }, (_, n) => ({
    id: randomUUIDv7(),
    ...eventAt(n),
    timestamp: new Date().toISOString(),
    position: n,
    recorded_at: new Date().toISOString(),
  })),
  total: 10_000,
  limit: 50,
  offset: 0,
}

/** The limit of a route: accepts the same body, validates it as Fastify does, and responds like ours, without a bus. */
export async function bareRoutes(app: FastifyInstance): Promise<void> {
  let position = 0
  app.post('/api/v1/events', { schema: { body: event } }, async (_request, reply) =>
    reply.code(201).send({ message: 'Event published successfully', ...receipt(++position) }),
  )
  app.post<{ Body: readonly unknown[] }>(
    '/api/v1/events/batch',
    { schema: { body: { type: 'array', items: event } } },
    async (request, reply) => {
      const events = request.body.map(() => receipt(++position))
      return reply.code(201).send({ message: 'Events published successfully', count: events.length, events })
    },
  )
  app.get('/api/v1/events', async () => PAGE)
}

function receipt(position: number): object {
  return { event_id: randomUUIDv7(), position, duplicate: false }
}
