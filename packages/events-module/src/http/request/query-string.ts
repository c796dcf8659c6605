import { KindGuard, type TObject, type TSchema } from '@sinclair/typebox'
import type { Issue } from '@viewra/events-core'
import { invalidRequest } from '../problem.ts'
import { objectOf, readObjectParameters } from './object-parameters.ts'
import { ruleOf, shown } from './rule.ts'

const INTEGER = /^-?\d{1,15}$/
/** A comma behind a backslash is one of the item's own. */
const SEPARATOR = /(?<!\\),/
const ESCAPE = /%[\da-f]{2}/i

/** The parameters by their schemas, and what was wrong before any value was looked at. */
interface QueryReading {
  readonly query: Readonly<Record<string, unknown>>
  readonly issues: readonly Issue[]
}

/**
 * Turns a query string's texts into what their schemas ask for: a list takes repeats and commas (`\,` is a comma of an
 * item), an integer is written as one, everything else stays text. What does not fit stays as it is, for the schema to refuse.
 * A parameter whose schema says `allowEmptyValue` may be given without a value, which is as if it were absent.
 * A parameter that is an object is sent as a parameter for each member: `data.<path>`, `ext[<name>]`.
 */
export function readQuery(schema: TObject, raw: unknown): QueryReading {
  const query: Record<string, unknown> = {}
  const issues: Issue[] = []
  for (const [name, property] of Object.entries(schema.properties)) {
    if (property.default !== undefined) query[name] = property.default
  }
  const members: [string, string][] = []
  for (const [name, given] of parametersOf(raw)) {
    const values: readonly unknown[] = Array.isArray(given) ? given : [given]
    const object = objectOf(name)
    const property = propertyOf(schema, object ?? name)
    const problem = property === undefined ? unknownParameter(schema) : problemOf(property, values, object)
    if (problem !== undefined) issues.push({ path: name, message: problem })
    if (property === undefined || problem !== undefined) delete query[name]
    else if (object !== undefined) members.push([name, values.join()])
    else if (!isLeftEmpty(property, values)) query[name] = parameterOf(property, values.map(String))
  }
  const objects = readObjectParameters(members)
  return { query: { ...query, ...objects.value }, issues: [...issues, ...objects.issues] }
}

/**
 * Refuses escapes that are no UTF-8: parsers leave a part with such a one as it is, so it would be taken for another text.
 * A part with no escape at all may have a `%`, as people write it who search for one.
 * @throws EventsError EVENTS_INVALID that names each parameter
 */
export function refuseBadEscapes(url: string): void {
  const start = url.indexOf('?')
  if (start < 0 || !url.includes('%', start)) return
  const wrong = url
    .slice(start + 1)
    .split('&')
    .map((pair) => pair.split(/=(.*)/s, 2))
    .filter((parts) => parts.some((part) => ESCAPE.test(part) && !isDecodable(part)))
  const [first, ...others] = wrong.map(([path = '']) => ({ path, message: ESCAPE_RULE }))
  if (first !== undefined) throw invalidRequest([first, ...others])
}

const ESCAPE_RULE = 'must be percent-encoded as UTF-8; write a % as %25'

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

/** The host app may have a parser that makes objects of `a[b]=c`: they are taken apart again. */
function parametersOf(raw: unknown, inside?: string): [name: string, given: unknown][] {
  return Object.entries(raw ?? {}).flatMap(([key, given]) => {
    const name = inside === undefined ? key : `${inside}[${key}]`
    const isObject = typeof given === 'object' && !Array.isArray(given)
    return isObject ? parametersOf(given, name) : [[name, given]]
  })
}

function propertyOf({ properties }: TObject, name: string): TSchema | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined
}

function unknownParameter({ properties }: TObject): string {
  const names = Object.keys(properties)
  return `is not a parameter here; ${names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`}`
}

function problemOf(
  property: TSchema,
  values: readonly unknown[],
  object: string | undefined,
): string | undefined {
  // Beside parameters for its members it would be ignored.
  if (object === undefined && KindGuard.IsObject(property))
    return `must be ${ruleOf(property)}, not ${values.map(shown).join(' and ')}`
  if (!values.every((value) => typeof value === 'string')) return 'must be given as name=value'
  return values.length > 1 && !KindGuard.IsArray(property)
    ? `must be given once, not ${values.length} times`
    : undefined
}

function isLeftEmpty(property: TSchema, values: readonly unknown[]): boolean {
  return property.allowEmptyValue === true && values.every((value) => value === '')
}

function parameterOf(property: TSchema, values: readonly string[]): unknown {
  if (KindGuard.IsArray(property)) return values.flatMap(itemsOf)
  const [value = ''] = values
  return takesInteger(property) && INTEGER.test(value) ? Number(value) : value
}

function itemsOf(value: string): string[] {
  return value.split(SEPARATOR).map((item) => item.replaceAll('\\,', ','))
}

function takesInteger(schema: TSchema): boolean {
  return KindGuard.IsInteger(schema) || (KindGuard.IsUnion(schema) && schema.anyOf.some(takesInteger))
}
