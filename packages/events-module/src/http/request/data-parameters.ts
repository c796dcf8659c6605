import type { Issue, JsonObject, JsonValue } from '@viewra/events-core'
import { lossOf } from './lossy-number.ts'

/** Its path is what stands behind `data`. */
const NAME = /^data(?=[.[])/
const PATH = /^(?:\.[^.[\]]*|\[[^[\]]*\])+$/
/** A JSON number; everything else that a number could be written as stays a string. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
/** They are own keys of nobody's data, and reach for prototypes in the programs that follow paths carelessly. */
const REFUSED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor'])
const CONFLICT = 'asks for a value where another parameter asks for fields below it'
const SHAPE = 'must be data and a path: keys with a dot before each, or each in brackets'

/** The conditions on data, and the violations in the parameters. */
interface DataReading {
  readonly value: JsonObject
  readonly issues: readonly Issue[]
}

/** The objects that are being built, whose fields are not known to be more than JSON. */
type Fields = Map<string, Fields | Leaf>

interface Leaf {
  readonly value: JsonValue
  /** The parameter that it came from. */
  readonly name: string
}

/**
 * Reads `data.a.b=5&data.c=x`, or `data[a][b]=5&data[c]=x`, as `{ a: { b: 5 }, c: 'x' }`: all of it must be in an event's
 * data. Brackets are how clients that are generated from an OpenAPI document write an object (`deepObject`). A value that
 * is a JSON number, `true`, `false`, `null` or a string in quotes is that, and any other is a string.
 */
export function readDataParameters(parameters: readonly (readonly [string, string])[]): DataReading {
  const root: Fields = new Map()
  const issues: Issue[] = []
  for (const [name, text] of parameters) {
    const problem = put(root, name, text)
    if (problem !== undefined) issues.push({ path: name, message: problem })
  }
  return { value: objectOf(root), issues }
}

function put(root: Fields, name: string, text: string): string | undefined {
  const rest = name.replace(NAME, '')
  if (!PATH.test(rest)) return SHAPE
  const path = rest
    .replaceAll(/\[([^\]]*)\]/g, '.$1')
    .slice(1)
    .split('.')
  const wrong = path.find((key) => key === '' || REFUSED_KEYS.has(key))
  if (wrong !== undefined) return `${SHAPE}, none of them '${wrong}'`
  let fields = root
  for (const key of path.slice(0, -1)) {
    const below = fields.get(key) ?? new Map()
    if (!(below instanceof Map)) return CONFLICT
    fields.set(key, below)
    fields = below
  }
  const last = path.at(-1) ?? ''
  const known = fields.get(last)
  // Of the same name twice the query string's reader has spoken already.
  if (known instanceof Map) return CONFLICT
  if (known !== undefined) return `must be given once, not as ${known.name} too`
  fields.set(last, { value: scalarOf(text), name })
  return NUMBER.test(text) ? lossOf(text) : undefined
}

function scalarOf(text: string): JsonValue {
  if (text === 'true') return true
  if (text === 'false') return false
  if (text === 'null') return null
  if (NUMBER.test(text)) return Number(text)
  return text.startsWith('"') ? (quoted(text) ?? text) : text
}

function quoted(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

function objectOf(fields: Fields): JsonObject {
  return Object.fromEntries(
    Array.from(fields, ([key, field]) => [key, field instanceof Map ? objectOf(field) : field.value]),
  )
}
