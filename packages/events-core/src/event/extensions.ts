import { integer, object, shown, text } from '../check-options.ts'
import type { Issue } from '../errors.ts'
import type { StoredEvent } from './event.ts'

/** The value of a CloudEvents extension attribute. */
export type ExtensionValue = string | number | boolean

/** Extension attributes of CloudEvents 1.0 (https://github.com/cloudevents/spec), by name. */
export type Extensions = Readonly<Record<string, ExtensionValue>>

const MAX_EXTENSIONS = 32
const MAX_TEXT = 1_024
const NAME = /^[a-z0-9]{1,20}$/
/** CloudEvents integers are 32 bits wide. */
const integerProblem = integer(-(2 ** 31), 2 ** 31 - 1)

/** The attribute of a CloudEvent that carries each field. `dataschema` is not among them: no field keeps it, an extension does. */
export const CLOUD_EVENT_ATTRIBUTES = {
  id: 'id',
  source: 'source',
  type: 'type',
  target: 'subject',
  timestamp: 'time',
  data: 'data',
  title: 'title',
  message: 'message',
  priority: 'priority',
  tags: 'tags',
  ttl: 'ttl',
  correlation_id: 'correlationid',
  causation_id: 'causationid',
  traceparent: 'traceparent',
  position: 'position',
  recorded_at: 'recordedtime',
} as const satisfies Readonly<Record<Exclude<keyof StoredEvent, 'extensions'>, string>>

/** The field that each of these attributes carries: their names are taken. */
const FIELDS: ReadonlyMap<string, string> = new Map(
  Object.entries(CLOUD_EVENT_ATTRIBUTES).map(([field, attribute]) => [attribute, field]),
)
const FIXED: ReadonlySet<string> = new Set(['specversion', 'datacontenttype'])
/** The one extension that CloudEvents defines itself: a URI. */
const DATA_SCHEMA = 'dataschema'
const schemaProblem = text(MAX_TEXT)

/**
 * Copies and freezes extension attributes. Undefined ones count as absent. Returns undefined if none is left, or if any is
 * invalid; `issues` then says why.
 */
export function copyExtensions(value: unknown, path: string, issues: Issue[]): Extensions | undefined {
  const before = issues.length
  const problem = objectProblem(value)
  if (problem !== undefined) issues.push({ path, message: problem })
  if (problem !== undefined || typeof value !== 'object' || value === null) return undefined
  // CloudEvents has no negative zero; what subscribers see live must equal what is stored.
  const given = Object.entries(value).flatMap(([name, item]) =>
    item === undefined ? [] : [[name, item === 0 ? 0 : item] as const],
  )
  if (given.length > MAX_EXTENSIONS)
    issues.push({ path, message: `must be at most ${MAX_EXTENSIONS}, not ${given.length}` })
  // Extensions beyond the limit are not checked.
  for (const [name, item] of given.slice(0, MAX_EXTENSIONS)) {
    const wrong = nameProblem(name) ?? valueProblem(name, item)
    if (wrong !== undefined) issues.push({ path: `${path}.${name}`, message: wrong })
  }
  return given.length === 0 || issues.length > before ? undefined : Object.freeze(Object.fromEntries(given))
}

function objectProblem(value: unknown): string | undefined {
  return Array.isArray(value) ? 'must be an object, not an array' : object(value)
}

function nameProblem(name: string): string | undefined {
  if (!NAME.test(name))
    return 'must have a name of 1 to 20 lower-case letters and digits, as CloudEvents requires'
  if (FIXED.has(name)) return 'is an attribute that every CloudEvent has; leave it out'
  const field = FIELDS.get(name)
  if (field === undefined) return undefined
  return `is the attribute in which a CloudEvent carries the event's field ${field}; use that field`
}

function valueProblem(name: string, value: unknown): string | undefined {
  if (name === DATA_SCHEMA) return schemaProblem(value)
  if (typeof value === 'boolean') return undefined
  if (typeof value === 'number') return integerProblem(value)
  return typeof value === 'string' && value.length <= MAX_TEXT && value.isWellFormed()
    ? undefined
    : `must be a string of at most ${MAX_TEXT} characters, a boolean or a 32-bit integer, not ${shown(value)}`
}

/**
 * Compiles a check whether an event has all the given extensions. Values are compared as CloudEvents writes them, so `5`
 * equals `'5'` and `true` equals `'true'`: the headers of its binary mode carry no types.
 */
export function compileExtensions(extensions: Extensions): (of: Extensions | undefined) => boolean {
  const wanted = Object.entries(extensions).map(([name, value]) => [name, String(value)] as const)
  return (given) => {
    if (given === undefined) return false
    for (const [name, text] of wanted) {
      // Own properties only: every object has 'constructor' otherwise.
      if (!Object.hasOwn(given, name) || String(given[name]) !== text) return false
    }
    return true
  }
}

const WRITTEN_INTEGER = /^(?:0|-?[1-9]\d*)$/

/** Returns all values that CloudEvents writes like this one: those that a filter's value matches. */
export function sameExtensions(value: ExtensionValue): readonly ExtensionValue[] {
  const text = String(value)
  if (text === 'true' || text === 'false') return [text, text === 'true']
  const isInteger = WRITTEN_INTEGER.test(text) && integerProblem(Number(text)) === undefined
  return isInteger ? [text, Number(text)] : [text]
}
