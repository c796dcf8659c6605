import { randomUUIDv7 } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { EventInput } from '@viewra/events-core'
import mitt from 'mitt'

/** The rules of an event's fields, as far as TypeBox can express them without a format. */
const check = TypeCompiler.Compile(
  Type.Object(
    {
      id: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
      type: Type.String({ maxLength: 128, pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$' }),
      source: Type.String({ minLength: 1, maxLength: 256 }),
      target: Type.Optional(Type.String({ maxLength: 256 })),
      title: Type.Optional(Type.String({ maxLength: 512 })),
      message: Type.Optional(Type.String({ maxLength: 8_192 })),
      data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 32 })),
      timestamp: Type.Optional(Type.String()),
      ttl: Type.Optional(Type.Integer({ minimum: 1 })),
      correlation_id: Type.Optional(Type.String()),
      causation_id: Type.Optional(Type.String()),
      traceparent: Type.Optional(Type.String()),
    },
    { additionalProperties: false },
  ),
)

const NO_TAGS: readonly string[] = Object.freeze([])

let lastMs = 0
let lastText = ''

/** Only what every bus must do: id, timestamp, check, freeze, and an emit through mitt. */
export function bareSum(type: string) {
  const emitter = mitt<Record<string, unknown>>()
  const sum = {
    delivered: 0,
    publish(input: EventInput): void {
      if (!check.Check(input)) throw new Error('the event is not valid')
      const { data = {}, tags = NO_TAGS } = input
      const event = Object.freeze({
        id: input.id ?? randomUUIDv7(),
        type: input.type,
        source: input.source,
        target: input.target ?? '',
        title: input.title ?? '',
        message: input.message ?? '',
        data: Object.freeze(data),
        priority: input.priority ?? 5,
        tags: Object.freeze(tags),
        timestamp: now(),
      })
      emitter.emit(event.type, event)
    },
  }
  emitter.on(type, () => void sum.delivered++)
  return sum
}

function now(): string {
  const ms = Date.now()
  if (ms !== lastMs) {
    lastMs = ms
    lastText = new Date(ms).toISOString()
  }
  return lastText
}
