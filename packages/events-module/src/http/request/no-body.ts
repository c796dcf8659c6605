import { Type } from '@sinclair/typebox'

/** Accepts nothing, or an object without fields: a client that sends a condition must not change more than it meant. */
export const NoBody = Type.Union([Type.Null(), Type.Object({}, { additionalProperties: false })], {
  rule: 'empty',
})
