import { Type } from '@sinclair/typebox'
import type { JsonObject } from '../../event/json.ts'

// The kinds of payload fields, so that a kind means the same in every payload: every id except a library's is a
// non-empty string, every time is RFC 3339, every size is in bytes; durations name their unit.

/** A pattern instead of `format: 'date-time'`: TypeBox takes formats only from a process-wide registry. */
export const TIME_PATTERN = '^\\d{4}-\\d\\d-\\d\\d[Tt]\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?([Zz]|[+-]\\d\\d:\\d\\d)$'

export const text = (description: string) => Type.String({ description })
export const id = (description: string) => Type.String({ minLength: 1, description })
export const time = (description: string) => Type.String({ pattern: TIME_PATTERN, description })
export const flag = (description: string) => Type.Boolean({ description })
export const count = (description: string) => Type.Integer({ minimum: 0, description })
export const bytes = (description: string) =>
  Type.Integer({ minimum: 0, description: `${description}, in bytes` })
export const milliseconds = (description: string) =>
  Type.Integer({ minimum: 0, description: `${description}, in milliseconds` })
export const seconds = (description: string) =>
  Type.Number({ minimum: 0, description: `${description}, in seconds` })
export const percent = (description: string) => Type.Number({ minimum: 0, maximum: 100, description })
export const texts = (description: string) => Type.Array(Type.String(), { description })
/** An object with any fields. */
export const jsonObject = (description: string) => Type.Unsafe<JsonObject>(Type.Object({}, { description }))

export const libraryId = Type.Integer({ description: 'Number of the library' })
export const mediaId = id('Id of the media item')
export const userId = id('Id of the user')
export const deviceId = id("Id of the user's device")
