import { Type } from '@sinclair/typebox'
import { type EventBus, isEventsError, type PublishReceipt } from '@viewra/events-core'
import type { FastifyRequest, preValidationHookHandler } from 'fastify'
import type { EventsScope, Feature } from '../feature.ts'
import { checkMayPublish, principalOf } from '../http/access/principal.ts'
import { BINARY_HEADERS, binaryCloudEvent, isBinaryCloudEvent } from '../http/cloudevents/binary.ts'
import {
  CLOUD_EVENT_INPUT_EXAMPLE,
  CloudEventSchema,
  fromCloudEvent,
  fromCloudEvents,
  withAttributeName,
} from '../http/cloudevents/cloudevent.ts'
import { EVENT_EXAMPLE, EventInputSchema, INPUT_EXAMPLE, int64 } from '../http/event-schema.ts'
import { refusePathWord } from '../http/path-words.ts'
import { invalidRequest } from '../http/problem.ts'
import { MAX_BATCH_EVENTS, mediaTypeOf } from '../http/request/body.ts'
import { abortedWith } from '../http/request/client-gone.ts'
import { removeNullFields } from '../http/request/null-fields.ts'

const STRUCTURED = 'application/cloudevents+json'
const BATCHED = 'application/cloudevents-batch+json'

const BatchSchema = Type.Array(EventInputSchema, {
  minItems: 1,
  maxItems: MAX_BATCH_EVENTS,
  rule: `a list of 1 to ${MAX_BATCH_EVENTS} events`,
  $id: 'EventBatch',
  description: `1 to ${MAX_BATCH_EVENTS} events.`,
  examples: [[INPUT_EXAMPLE]],
})

const CloudEventBatchSchema = Type.Array(CloudEventSchema, {
  $id: 'CloudEventInputBatch',
  description: `1 to ${MAX_BATCH_EVENTS} CloudEvents.`,
  examples: [[CLOUD_EVENT_INPUT_EXAMPLE]],
})
const LinesSchema = Type.String({
  description: 'One event as JSON on each line.',
  examples: [`${JSON.stringify(INPUT_EXAMPLE)}\n${JSON.stringify(INPUT_EXAMPLE)}\n`],
})

const receiptFields = {
  event_id: Type.String(),
  position: Type.Optional(int64('Absent for an event that is not stored.')),
  duplicate: Type.Boolean({
    description: 'The store had an event of this id: nothing was stored or delivered.',
  }),
}
const RECEIPT_EXAMPLE = { event_id: EVENT_EXAMPLE.id, position: 1042, duplicate: false }

const PublishedSchema = Type.Object(
  { message: Type.String(), ...receiptFields },
  {
    $id: 'PublishResult',
    description: 'The event is stored.',
    examples: [{ message: 'Event published successfully', ...RECEIPT_EXAMPLE }],
  },
)
const ReceiptSchema = Type.Object(receiptFields, { $id: 'Receipt', description: 'What became of one event.' })
const BatchPublishedSchema = Type.Object(
  {
    message: Type.String(),
    count: Type.Integer({ description: 'Of the events that were sent.' }),
    events: Type.Array(ReceiptSchema, { description: 'In the order in which they were sent.' }),
  },
  {
    $id: 'BatchPublishResult',
    description: 'All events are stored.',
    examples: [{ message: 'Events published successfully', count: 1, events: [RECEIPT_EXAMPLE] }],
  },
)

/** Publishing: answered once all is stored. */
export const publishFeature: Feature = {
  tag: { name: 'Publishing', description: 'Answered once what was sent is stored.' },
  addRoutes(scope, { bus, batchBodyLimit }) {
    addPublish(scope, bus)
    addBatch(scope, bus, batchBodyLimit)
  },
}

function addPublish(scope: EventsScope, bus: EventBus): void {
  const schema = {
    operationId: 'publishEvent',
    summary: 'Publish an event',
    description:
      'Answered once the event is stored. Takes a CloudEvent too, structured (`application/cloudevents+json`) or binary: ' +
      'then its attributes are the `ce-` headers, of any extension `ce-<name>`, and the body is its data, any JSON object.',
    body: EventInputSchema,
    response: { 201: PublishedSchema },
  }
  const bodies = { [STRUCTURED]: CloudEventSchema }
  const config = { role: 'publisher', bodies, headers: BINARY_HEADERS, binaryCloudEvent: true } as const
  const preValidation: preValidationHookHandler = (request, _reply, done) => {
    readCloudEvent(request)
    removeNullFields(request.body)
    done()
  }
  scope.post('/', { schema, config, preValidation }, async (request, reply) => {
    refusePathWord(scope, request.body.id, 'id')
    checkMayPublish(principalOf(request), request.body)
    const receipt = await underSentNames(request, bus.publish(request.body, { signal: abortedWith(reply) }))
    const message = receipt.duplicate ? 'Event was published before' : 'Event published successfully'
    return reply.code(201).send({ message, ...receiptOf(receipt) })
  })
}

function addBatch(scope: EventsScope, bus: EventBus, bodyLimit: number): void {
  const schema = {
    operationId: 'publishEvents',
    summary: 'Publish several events, all or none',
    description: `1 to ${MAX_BATCH_EVENTS} events, as a JSON array, one JSON object a line, or CloudEvents.`,
    body: BatchSchema,
    response: { 201: BatchPublishedSchema },
  }
  const bodies = { 'application/x-ndjson': LinesSchema, [BATCHED]: CloudEventBatchSchema }
  const config = { role: 'publisher', bodies } as const
  const preValidation: preValidationHookHandler = (request, _reply, done) => {
    readCloudEventBatch(request)
    if (Array.isArray(request.body)) request.body.forEach(removeNullFields)
    done()
  }
  scope.post('/batch', { schema, config, bodyLimit, preValidation }, async (request, reply) => {
    const principal = principalOf(request)
    for (const [index, event] of request.body.entries()) {
      refusePathWord(scope, event.id, `${index}.id`)
      checkMayPublish(principal, event, `${index}.`)
    }
    const published = bus.publishMany(request.body, { signal: abortedWith(reply) })
    const receipts = await underSentNames(request, published)
    const events = receipts.map(receiptOf)
    return reply.code(201).send({ message: 'Events published successfully', count: events.length, events })
  })
}

interface Receipt {
  readonly event_id: string
  readonly position?: number
  readonly duplicate: boolean
}

function receiptOf({ id, position, duplicate }: PublishReceipt): Receipt {
  return position === undefined ? { event_id: id, duplicate } : { event_id: id, position, duplicate }
}

/** Puts the event that a CloudEvent stands for in the place of the body. */
function readCloudEvent(request: FastifyRequest): void {
  if (mediaTypeOf(request) === STRUCTURED) request.body = fromCloudEvent(request.body)
  else if (isBinaryCloudEvent(request.raw))
    request.body = fromCloudEvent(binaryCloudEvent(request.raw, request.body))
}

function readCloudEventBatch(request: FastifyRequest): void {
  if (mediaTypeOf(request) === BATCHED) request.body = fromCloudEvents(request.body)
}

/** Reports a violation that the bus found in a field under the name that the CloudEvent has for it. */
async function underSentNames<T>(request: FastifyRequest, published: Promise<T>): Promise<T> {
  try {
    return await published
  } catch (error) {
    if (!isEventsError(error) || !isCloudEvent(request)) throw error
    const [first, ...others] = error.issues.map(withAttributeName)
    throw first === undefined ? error : invalidRequest([first, ...others])
  }
}

function isCloudEvent(request: FastifyRequest): boolean {
  return [STRUCTURED, BATCHED].includes(mediaTypeOf(request)) || isBinaryCloudEvent(request.raw)
}
