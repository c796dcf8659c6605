import { Type } from '@sinclair/typebox'
import type { Extensions, JsonObject, PublishedEvent } from '@viewra/events-core'

const text = (description: string) => Type.String({ description })

/** Of an answer: a request's would need the format to be registered with TypeBox. */
export const dateTime = (description: string) => Type.String({ format: 'date-time', description })

/** A number that may need more than 32 bits, which generated code would give it otherwise. */
export const int64 = (description?: string) =>
  Type.Integer({ format: 'int64', ...(description !== undefined && { description }) })

export const EventIdSchema = Type.Object({ id: Type.String({ description: 'The event’s `id`.' }) })

const JsonObjectSchema = Type.Unsafe<JsonObject>(
  Type.Object({}, { additionalProperties: true, description: 'Any JSON object; what the type calls for.' }),
)

/** An extension as a client sends or selects it; the bus says what names may be. */
export const ExtensionValueSchema = Type.Union(
  [Type.String(), Type.Boolean(), Type.Integer({ minimum: -(2 ** 31), maximum: 2 ** 31 - 1 })],
  {
    $id: 'ExtensionValue',
    rule: 'a string, a boolean or a 32-bit integer',
    description:
      'The value of an extension: a string of at most 1,024 characters, a boolean or a 32-bit integer.',
  },
)

export const ExtensionsSchema = Type.Unsafe<Extensions>(
  Type.Object(
    {},
    {
      $id: 'Extensions',
      additionalProperties: ExtensionValueSchema,
      description:
        'Attributes of CloudEvents for which an event has no field: at most 32, with names of 1 to 20 lower-case letters and digits.',
      examples: [{ partitionkey: 'library-5', dataschema: 'https://example.com/scan-progress.json' }],
    },
  ),
)

/** One event, as examples show it. */
export const EVENT_EXAMPLE = {
  id: '01939c2e-7a10-7c3b-9d5e-5f1f4a2b6c7d',
  type: 'scan.progress',
  source: 'plugin:scanner',
  target: '',
  title: 'Scanning Films',
  message: '',
  data: { scan_id: 's1', library_id: 5, progress: 40 },
  priority: 5,
  tags: ['nightly'],
  timestamp: '2026-01-31T18:30:00.000Z',
  position: 1042,
  recorded_at: '2026-01-31T18:30:00.004Z',
}

export const INPUT_EXAMPLE = {
  type: 'scan.progress',
  source: 'plugin:scanner',
  title: 'Scanning Films',
  data: { scan_id: 's1', library_id: 5, progress: 40 },
  tags: ['nightly'],
}

/**
 * What a publisher may send. The bus checks lengths, patterns and the rest, and names what is wrong: here is only
 * what each field is.
 */
export const EventInputSchema = Type.Object(
  {
    type: text(
      'Dot-separated words of letters, digits, _ and -, such as scan.progress; at most 128 characters. Case-sensitive.',
    ),
    source: text('system, plugin:<id>, user:<id>, or any text of 1 to 256 characters.'),
    id: Type.Optional(
      text('1 to 128 printable characters; a UUIDv7 by default. The same id is stored once.'),
    ),
    target: Type.Optional(text('Whom it is for; at most 256 characters.')),
    title: Type.Optional(text('At most 512 characters.')),
    message: Type.Optional(text('At most 8,192 characters.')),
    data: Type.Optional(JsonObjectSchema),
    priority: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'low 1, normal 5, high 10, critical 20.' }),
    ),
    tags: Type.Optional(Type.Array(Type.String(), { description: 'At most 32 of at most 64 characters.' })),
    timestamp: Type.Optional(text('RFC 3339; the time of publishing by default.')),
    ttl: Type.Optional(int64('Milliseconds after the timestamp during which the event is visible.')),
    correlation_id: Type.Optional(text('1 to 128 printable characters.')),
    causation_id: Type.Optional(text('1 to 128 printable characters.')),
    traceparent: Type.Optional(text('W3C trace context.')),
    extensions: Type.Optional(ExtensionsSchema),
  },
  {
    $id: 'EventInput',
    additionalProperties: false,
    description: 'An event to publish. An optional field, or an extension, that is null counts as absent.',
    examples: [INPUT_EXAMPLE],
  },
)

/** An event as it is answered. */
export const EventSchema = Type.Unsafe<PublishedEvent>(
  Type.Object(
    {
      id: Type.String(),
      type: Type.String(),
      source: Type.String(),
      target: Type.String(),
      title: Type.String(),
      message: Type.String(),
      data: JsonObjectSchema,
      priority: Type.Integer(),
      tags: Type.Array(Type.String()),
      timestamp: dateTime('RFC 3339, UTC, with milliseconds.'),
      ttl: Type.Optional(int64()),
      correlation_id: Type.Optional(Type.String()),
      causation_id: Type.Optional(Type.String()),
      traceparent: Type.Optional(Type.String()),
      extensions: Type.Optional(ExtensionsSchema),
      position: Type.Optional(int64('Unique, increasing, in the order of storing.')),
      recorded_at: Type.Optional(dateTime('When it was stored.')),
    },
    { $id: 'Event', description: 'An event.', examples: [EVENT_EXAMPLE] },
  ),
)
