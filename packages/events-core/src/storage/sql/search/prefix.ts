import { type RawBuilder, type SqlBool, sql } from 'kysely'

/**
 * Tests whether a column begins with a prefix, compared by code point. Unlike LIKE, it is served by an index on the column
 * and respects case.
 */
export function startsWith(column: 'type' | 'source' | 'key' | 'name', prefix: string): RawBuilder<SqlBool> {
  const end = endOfPrefix(prefix)
  const begins = sql<SqlBool>`${sql.ref(column)} >= ${prefix}`
  return end === undefined ? begins : sql`(${begins} and ${sql.ref(column)} < ${end})`
}

/** Returns the first string after all that begin with the prefix, ordered by code point like the databases. */
function endOfPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  // Surrogates are not characters, so no stored text contains them.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}
