import pg from 'pg'
import { escapeJson, escapeText, unescapeJson, unescapeText } from './text-codec.ts'

const NEEDS_ESCAPE = /["\\]/
const ESCAPED = /["\\]/g

/** A JSON parameter, which the driver does not escape again as a string. */
export class JsonParameter {
  readonly #json: string

  constructor(json: string) {
    this.#json = escapeJson(json)
  }

  /** Called by the driver. */
  toPostgres(): string {
    return this.#json
  }
}

/** Separates the JSON texts of a sequence, as in RFC 7464: within a JSON text it would be escaped. */
const RECORD_SEPARATOR = '\x1e'

/** Joins JSON texts, at least one, into one parameter: in an array, all their quotes would be escaped again. */
export function jsonSequence(texts: readonly string[]): JsonParameter {
  return new JsonParameter(texts.join(RECORD_SEPARATOR))
}

/** Converts a query's value into a form that the database can store. */
export function toParameter(value: unknown): unknown {
  if (typeof value === 'string') return escapeText(value)
  return Array.isArray(value) ? arrayLiteral(value) : value
}

/** Formats an array literal. The driver takes twice as long, and a batch of events has fifteen arrays. */
function arrayLiteral(values: readonly unknown[]): string {
  let list = ''
  for (const value of values) list += `${list === '' ? '{' : ','}${elementOf(value)}`
  return list === '' ? '{}' : `${list}}`
}

/** https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function elementOf(value: unknown): string {
  if (value == null) return 'NULL'
  if (typeof value === 'number') return String(value)
  const text = value instanceof JsonParameter ? value.toPostgres() : escapeText(String(value))
  return `"${NEEDS_ESCAPE.test(text) ? text.replaceAll(ESCAPED, '\\$&') : text}"`
}

/** Parsers by the object ids of PostgreSQL's built-in types, which never change. */
const PARSERS = new Map<number, (text: string) => unknown>([
  // bigint and numeric: counts, positions and times are all below 2^53.
  [20, Number],
  [1700, Number],
  [25, unescapeText],
  // json and jsonb stay strings: `eventOf` parses them.
  [114, unescapeJson],
  [3802, unescapeJson],
  // bigint[]
  [1016, (list) => (list === '{}' ? [] : list.slice(1, -1).split(',').map(numberOrNull))],
])

function numberOrNull(text: string): number | null {
  return text === 'NULL' ? null : Number(text)
}

/** Defines how the driver parses the values of a result. */
export const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    (format !== 'binary' && PARSERS.get(oid)) || pg.types.getTypeParser(oid, format),
}
