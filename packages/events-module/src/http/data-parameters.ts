import type { Issue, JsonObject, JsonValue } from '@viewra/events-core'

const PREFIX = 'data.'
/** A JSON number; everything else that a number could be written as stays a text. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
/** They are own keys of nobody's data, and reach for prototypes in the programs that follow paths carelessly. */
const REFUSED_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor'])
const CONFLICT = 'asks for a value where another parameter asks for fields below it'

/** What the data must contain, and what was wrong with the parameters. */
interface DataReading {
  readonly data: JsonObject
  readonly issues: readonly Issue[]
}

/** The objects that are being built, whose fields are not known to be more than JSON. */
type Fields = Map<string, Fields | { readonly value: JsonValue }>

export function isDataParameter(name: string): boolean {
  return name.startsWith(PREFIX)
}

/**
 * `data.a.b=5&data.c=x` as `{ a: { b: 5 }, c: 'x' }`: all of it must be in an event's data. A value that is a JSON number,
 * `true`, `false`, `null` or a text in quotes is that, and any other is a text.
 */
export function readDataParameters(parameters: readonly (readonly [string, string])[]): DataReading {
  const root: Fields = new Map()
  const issues: Issue[] = []
  for (const [name, text] of parameters) {
    const problem = put(root, name.slice(PREFIX.length).split('.'), text)
    if (problem !== undefined) issues.push({ path: name, message: problem })
  }
  return { data: objectOf(root), issues }
}

function put(root: Fields, path: readonly string[], text: string): string | undefined {
  const wrong = path.find((key) => key === '' || REFUSED_KEYS.has(key))
  if (wrong !== undefined) return `must be data. and keys with dots between them, none of them '${wrong}'`
  let fields = root
  for (const key of path.slice(0, -1)) {
    const below = fields.get(key) ?? new Map()
    if (!(below instanceof Map)) return CONFLICT
    fields.set(key, below)
    fields = below
  }
  const last = path.at(-1) ?? ''
  // Of the same path twice the query string's reader has spoken already.
  if (fields.has(last)) return CONFLICT
  fields.set(last, { value: scalarOf(text) })
  return undefined
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
