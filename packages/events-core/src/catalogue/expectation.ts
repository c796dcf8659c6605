import { TIME_PATTERN } from './payloads/fields.ts'

/** The parts of a payload field's JSON Schema that decide which values are valid. */
interface FieldSchema {
  readonly type?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly [keyword: string]: unknown
}

/** Describes a valid value of a payload field, to follow 'must be': `an integer of at least 0`. */
export function expectation(field: FieldSchema): string {
  switch (field.type) {
    case 'string':
      if (field.pattern === TIME_PATTERN) return 'an RFC 3339 time'
      return field.minLength === undefined ? 'a string' : 'a non-empty string'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'an array of strings'
    case 'object':
      return 'an object'
    default:
      return `${field.type === 'integer' ? 'an integer' : 'a number'}${range(field)}`
  }
}

function range({ minimum, maximum }: FieldSchema): string {
  if (minimum === undefined) return ''
  return maximum === undefined ? ` of at least ${minimum}` : ` from ${minimum} to ${maximum}`
}
