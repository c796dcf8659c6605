import { KindGuard, type TInteger, type TSchema } from '@sinclair/typebox'

/** Returns what a schema requires, in words that follow "must be". A `rule` of the schema itself comes first. */
export function ruleOf(schema: TSchema): string {
  if (typeof schema.rule === 'string') return schema.rule
  if (KindGuard.IsInteger(schema)) return integerRule(schema)
  if (KindGuard.IsLiteral(schema)) return `'${schema.const}'`
  if (KindGuard.IsUnion(schema)) return schema.anyOf.map(ruleOf).join(' or ')
  if (KindGuard.IsArray(schema)) return `a list in which each is ${ruleOf(schema.items)}`
  if (KindGuard.IsObject(schema)) return 'a JSON object'
  if (KindGuard.IsString(schema)) return schema.minLength === 1 ? 'a text that is not empty' : 'a text'
  return `of type ${String(schema.type)}`
}

function integerRule({ minimum, maximum }: TInteger): string {
  if (minimum === undefined) return 'an integer'
  return maximum === undefined
    ? `an integer of at least ${minimum}`
    : `an integer from ${minimum} to ${maximum}`
}

/** A value as an error message shows it: its type when it is long or no scalar. */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length <= 40 ? `'${value}'` : `a text of ${value.length} characters`
  if (value === undefined) return 'absent'
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!Array.isArray(value)) return 'an object'
  return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
}
