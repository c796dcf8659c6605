import { Type } from '@sinclair/typebox'

/** Nothing, or an object without fields: a client that names a condition must not change more than it meant. */
export const NoBody = Type.Union([Type.Null(), Type.Object({}, { additionalProperties: false })], {
  rule: 'empty',
})
