import { type RawBuilder, type SqlBool, sql } from 'kysely'

/** Whether a text begins with a prefix, code point by code point. An index on the column serves it, and LIKE takes no heed of case. */
export function startsWith(column: 'type' | 'source' | 'key' | 'name', prefix: string): RawBuilder<SqlBool> {
  const end = endOfPrefix(prefix)
  const begins = sql<SqlBool>`${sql.ref(column)} >= ${prefix}`
  return end === undefined ? begins : sql`(${begins} and ${sql.ref(column)} < ${end})`
}

/** The first text after all that begin so, in the order of code points, which is that of the databases. */
function endOfPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  // Surrogates are no characters, so they stand in no text.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}
