import pg from 'pg'
import { escapeJson, escapeText, unescapeJson, unescapeText } from './text-codec.ts'

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

/** A value of a query as the database can store it. */
export function toParameter(value: unknown): unknown {
  if (typeof value === 'string') return escapeText(value)
  return Array.isArray(value) ? value.map(toParameter) : value
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
  [1016, (list) => (list === '{}' ? [] : list.slice(1, -1).split(',').map(Number))],
])

/** How the driver reads the values of an answer. */
export const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    (format !== 'binary' && PARSERS.get(oid)) || pg.types.getTypeParser(oid, format),
}
