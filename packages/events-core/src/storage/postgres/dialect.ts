import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { type ExtensionValue, sameExtensions } from '../../event/extensions.ts'
import type { LogTables } from '../sql/schema.ts'
import type { SqlDialect } from '../sql/sql-log.ts'
import type { StateRow } from '../sql/state/tables.ts'
import { Appender } from './append.ts'
import { textPattern } from './codec/text-pattern.ts'
import { JsonParameter } from './codec/values.ts'
import { documentsChanged } from './notifications.ts'
import type { PostgresSettings } from './settings.ts'

/** The server's time in milliseconds since 1970: processes on several machines have several clocks. */
const SERVER_MS: RawBuilder<number> = sql`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`

/**
 * Returns PostgreSQL's dialect for the shared queries.
 * @param origin the payload of an append's notification, so that stores can recognise their own
 */
export function postgresDialect(settings: PostgresSettings, origin: string): SqlDialect {
  const { schema, serverClock } = settings
  const appender = new Appender(settings, origin)
  return {
    isOneOf: (column, texts) => sql`${sql.ref(column)} = any(${texts}::text[])`,
    startsWithAny: (column, prefixes) => sql`${sql.ref(column)} ^@ any(${prefixes}::text[])`,
    hasDataIndex: true,
    hasExtensions: (extensions) =>
      sql`(${sql.join(Object.entries(extensions).map(hasExtension), sql` and `)})`,
    dataContains: (part) => sql`data::jsonb @> ${new JsonParameter(JSON.stringify(part))}::jsonb`,
    textContains: (text) => {
      const pattern = textPattern(text)
      return sql`(title ~ ${pattern} or message ~ ${pattern})`
    },
    taggedAny: (tags) => sql`(${sql.join(tags.map(hasTag), sql` or `)})`,
    isExpiredTagged: hasTag,
    take: async (db, query, { maxBytes, ahead }) => {
      // The sum over the previous rows, in the order of the query, must be 0 instead of null for the first ones.
      const before = sql`coalesce(sum(bytes) over (rows between unbounded preceding and ${sql.lit(1 + ahead)} preceding), 0)`
      const page = sql`select page.*, ${before} as bytes_before from (${query}) as page`
      const { rows } =
        await sql<never>`select * from (${page}) as sized where bytes_before < ${maxBytes}`.execute(db)
      return rows
    },
    append: (db, rows, nowMs) => appender.append(db, rows, nowMs),
    clock: (nowMs) => (serverClock ? SERVER_MS : sql`${nowMs}::bigint`),
    putStates: async (db, rows) => {
      const column = <T>(of: (row: StateRow) => T): T[] => rows.map(of)
      await putStates(db, schema, {
        ids: column((row) => row.id),
        keys: column((row) => row.key),
        values: column((row) => row.value),
        dues: column((row) => row.due),
        touched: column((row) => row.touched),
        bytes: column((row) => row.bytes),
      })
    },
    announce: async (db, collection) => {
      await sql`select pg_notify(${schema}, ${documentsChanged(origin, collection)})`.execute(db)
    },
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

function hasExtension([name, value]: [string, ExtensionValue]): RawBuilder<SqlBool> {
  const parts = sameExtensions(value).map((same) => new JsonParameter(JSON.stringify({ [name]: same })))
  return sql`(${sql.join(
    parts.map((part) => sql`extensions @> ${part}::jsonb`),
    sql` or `,
  )})`
}

interface StateColumns {
  readonly ids: readonly number[]
  readonly keys: readonly string[]
  readonly values: readonly (string | null)[]
  readonly dues: readonly (number | null)[]
  readonly touched: readonly number[]
  readonly bytes: readonly number[]
}

async function putStates(
  db: Kysely<LogTables>,
  schema: string,
  { ids, keys, values, dues, touched, bytes }: StateColumns,
): Promise<void> {
  await sql`
    insert into ${sql.id(schema, 'subscription_states')} (id, key, value, due, touched, bytes)
    select * from unnest(
      ${ids}::bigint[], ${keys}::text[], ${values}::text[], ${dues}::bigint[], ${touched}::bigint[], ${bytes}::integer[]
    )
    on conflict (id, key) do update
      set value = excluded.value, due = excluded.due, touched = excluded.touched, bytes = excluded.bytes
  `.execute(db)
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
