import { Type } from '@sinclair/typebox'
import type { EventFilter } from '@viewra/events-core'
import { ExtensionsSchema } from '../event-schema.ts'

const texts = (description: string) => Type.Optional(Type.Array(Type.String(), { minItems: 1, description }))

/** A filter as JSON. */
export const EventFilterSchema = Type.Unsafe<EventFilter>(
  Type.Object(
    {
      types: texts('Exact, `scan.*` for all below scan, `*` for all. Any of them.'),
      sources: texts('Exact, or a prefix that ends in `*`. Any of them.'),
      tags: texts('Any of them, unless `tagsMode` says all.'),
      tagsMode: Type.Optional(Type.Union([Type.Literal('any'), Type.Literal('all')])),
      minPriority: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
      target: Type.Optional(Type.String()),
      data: Type.Optional(
        Type.Object({}, { additionalProperties: true, description: 'What the event’s data contains.' }),
      ),
      extensions: Type.Optional(ExtensionsSchema),
      text: Type.Optional(
        Type.String({ description: 'Contained in title or message; 1 to 256 characters.' }),
      ),
      since: Type.Optional(Type.String({ description: 'RFC 3339, inclusive.' })),
      until: Type.Optional(Type.String({ description: 'RFC 3339, inclusive.' })),
    },
    {
      $id: 'EventFilter',
      additionalProperties: false,
      description: 'Which events: all conditions must hold.',
      examples: [{ types: ['scan.*'], minPriority: 10 }],
    },
  ),
)
