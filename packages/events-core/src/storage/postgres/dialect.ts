import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { LogTables } from '../sql/schema.ts'
import type { SqlDialect } from '../sql/sql-log.ts'
import { textPattern } from './text-pattern.ts'
import { JsonParameter } from './values.ts'

/** How PostgreSQL says what the shared queries ask. */
export function postgresDialect(schema: string): SqlDialect {
  return {
    startsWith: (column, prefix) => sql`starts_with(${sql.ref(column)}, ${prefix})`,
    hasDataIndex: true,
    dataContains: (part) => sql`data::jsonb @> ${new JsonParameter(JSON.stringify(part))}::jsonb`,
    textContains: (text) => {
      const pattern = textPattern(text)
      return sql`(title ~ ${pattern} or message ~ ${pattern})`
    },
    taggedAny: (tags) => sql`(${sql.join(tags.map(hasTag), sql` or `)})`,
    isExpiredTagged: hasTag,
    forget: (transaction, gone) => {
      const column = <T>(of: (row: (typeof gone)[number]) => T): T[] => gone.map(of)
      return subtract(transaction, schema, {
        types: column((row) => row.type),
        sources: column((row) => row.source),
        priorities: column((row) => row.priority),
        timestamps: column((row) => row.timestamp),
        tagLists: column((row) => new JsonParameter(row.tags)),
      })
    },
  }
}

interface CountedColumns {
  readonly types: readonly string[]
  readonly sources: readonly string[]
  readonly priorities: readonly number[]
  readonly timestamps: readonly number[]
  readonly tagLists: readonly JsonParameter[]
}

function hasTag(tag: string): RawBuilder<SqlBool> {
  return sql`tags @> ${new JsonParameter(JSON.stringify([tag]))}::jsonb`
}

async function subtract(
  transaction: Kysely<LogTables>,
  schema: string,
  { types, sources, priorities, timestamps, tagLists }: CountedColumns,
): Promise<void> {
  await sql`
    select ${sql.id(schema, 'subtract_counts')}(
      ${types}::text[], ${sources}::text[], ${priorities}::integer[], ${timestamps}::bigint[],
      ${tagLists}::text[]
    )`.execute(transaction)
}
