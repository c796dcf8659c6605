import pg from 'pg'
import { escapeJson, escapeText, unescapeJson, unescapeText } from './text-codec.ts'

const NEEDS_ESCAPE = /["\\]/
const ESCAPED = /["\\]/g

/** JSON as it goes to the database: not once more escaped as a text. */
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

/** Between JSON texts of a sequence, as in RFC 7464: inside of them it would be escaped. */
const RECORD_SEPARATOR = '\x1e'

/** JSON texts, at least one, as a single text: a list would have all their quotes escaped once more. */
export function jsonSequence(texts: readonly string[]): JsonParameter {
  return new JsonParameter(texts.join(RECORD_SEPARATOR))
}

/** A value of a query as the database can store it. */
export function toParameter(value: unknown): unknown {
  if (typeof value === 'string') return escapeText(value)
  return Array.isArray(value) ? arrayLiteral(value) : value
}

/** A list as text. The driver could write it too, in twice the time, and a batch of events has fifteen. */
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

/** By the object ids of PostgreSQL's built-in types, which never change. */
const PARSERS = new Map<number, (text: string) => unknown>([
  // bigint and numeric: counts, positions and times are all below 2^53.
  [20, Number],
  [1700, Number],
  [25, unescapeText],
  // json and jsonb stay text: `eventOf` reads them.
  [114, unescapeJson],
  [3802, unescapeJson],
  // bigint[]
  [1016, (list) => (list === '{}' ? [] : list.slice(1, -1).split(',').map(numberOrNull))],
])

function numberOrNull(text: string): number | null {
  return text === 'NULL' ? null : Number(text)
}

/** How the driver reads the values of an answer. */
export const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    (format !== 'binary' && PARSERS.get(oid)) || pg.types.getTypeParser(oid, format),
}
