import type { Database } from 'better-sqlite3'
import { type CompiledQuery, type RawBuilder, type SqlBool, sql } from 'kysely'
import { type ExtensionValue, sameExtensions } from '../../event/extensions.ts'
import type { JsonValue } from '../../event/json.ts'
import { containsJson } from '../../filter/filter.ts'
import { compileText } from '../../filter/text-search.ts'
import { Tally } from '../sql/counts/tally.ts'
import { startsWith } from '../sql/search/prefix.ts'
import type { Sized, SqlDialect, TakeLimits } from '../sql/sql-log.ts'
import { Appender } from './append.ts'
import { CountStatements } from './count-statements.ts'
import { TagStatements } from './tag-statements.ts'

/** Up to this many values are compared one by one; SQLite limits the depth of expressions to 1,000. */
const FEW_TEXTS = 100

/** More than the parsed conditions of one statement: two lists of prefixes and a part of the data. */
const PLACES = 8

const PUT_STATE = `
  insert into subscription_states (id, key, value, due, touched, bytes) values (?, ?, ?, ?, ?, ?)
  on conflict do update set
    value = excluded.value, due = excluded.due, touched = excluded.touched, bytes = excluded.bytes`

/** Returns SQLite's dialect for the shared queries; `file` must be the connection on which they run. */
export function sqliteDialect(file: Database): SqlDialect {
  const append = appending(file)
  const forget = forgetting(file)
  const parsed = registerParsed(file)
  registerContainment(file, parsed)
  registerTextSearch(file)
  registerPrefixes(file, parsed)
  return {
    isOneOf: (column, texts) =>
      texts.length <= FEW_TEXTS
        ? sql`${sql.ref(column)} in (${sql.join([...texts])})`
        : sql`${sql.ref(column)} in (select value from json_each(${JSON.stringify(texts)}))`,
    startsWithAny: (column, prefixes) =>
      prefixes.length <= FEW_TEXTS
        ? sql`(${sql.join(
            prefixes.map((prefix) => startsWith(column, prefix)),
            sql` or `,
          )})`
        : sql`starts_with_any(${sql.ref(column)}, ${once(prefixes)})`,
    hasDataIndex: false,
    hasExtensions: (extensions) =>
      sql`(${sql.join(Object.entries(extensions).map(hasExtension), sql` and `)})`,
    dataContains: (part) => {
      const contains = sql<SqlBool>`json_contains(data, ${once(part)})`
      const texts = textsOf(part)
        .slice(0, FEW_TEXTS)
        .map((text) => sql<SqlBool>`instr(data, ${text}) > 0`)
      return sql`(${sql.join([...texts, contains], sql` and `)})`
    },
    textContains: (text) => sql`text_contains(title, message, ${text})`,
    taggedAny: (tags, { from, to }) => sql`position in (
      select position from event_tags where tag in (${sql.join([...tags])}) and position > ${from} and position <= ${to}
    )`,
    isExpiredTagged: (tag) => sql`exists (
      select 1 from event_tags where event_tags.tag = ${tag} and event_tags.position = expired_events.position
    )`,
    take: async (_db, query, limits) => takeRows(file, query.compile(), limits),
    append: async (_db, rows, nowMs) => append(rows, nowMs),
    clock: (nowMs) => sql`${nowMs}`,
    putStates: async (_db, rows) => {
      const put = file.prepare(PUT_STATE)
      for (const { id, key, value, due, touched, bytes } of rows) put.run(id, key, value, due, touched, bytes)
    },
    // Other processes detect that the file has changed.
    announce: async () => {},
    forget: async (_transaction, gone) => forget(gone),
  }
}

/** Compares as JSON, in which a number differs from a string. The names of extensions need no escape in a path. */
function hasExtension([name, value]: [string, ExtensionValue]): RawBuilder<SqlBool> {
  const texts = sameExtensions(value).map((same) => JSON.stringify(same))
  return sql`extensions -> ${`$."${name}"`} in (${sql.join(texts)})`
}

/** Reads the rows at once, since reading them one by one through Kysely takes twice as long. */
function takeRows<R extends Sized>(
  file: Database,
  { sql, parameters }: CompiledQuery<R>,
  { maxBytes, ahead }: TakeLimits,
): R[] {
  const rows: R[] = []
  let room = maxBytes
  for (const row of file.prepare<unknown[], R>(sql).iterate(...parameters)) {
    rows.push(row)
    const wasFull = room <= 0
    room -= row.bytes
    if (wasFull || (room <= 0 && ahead === 0)) break
  }
  return rows
}

function appending(file: Database): Appender['append'] {
  let appender: Appender | undefined
  return (rows, nowMs) => {
    // Prepared after the migrations, which create the tables.
    appender ??= new Appender(file)
    return appender.append(rows, nowMs)
  }
}

function forgetting(file: Database): (gone: Parameters<SqlDialect['forget']>[1]) => void {
  let statements: { tags: TagStatements; counts: CountStatements } | undefined
  return (gone) => {
    // Prepared after the migrations, which create the tables.
    statements ??= { tags: new TagStatements(file), counts: new CountStatements(file) }
    const tally = new Tally()
    for (const row of gone) {
      tally.add({ ...row, tags: statements.tags.remove(row) })
    }
    statements.counts.subtract(tally)
  }
}

/**
 * Returns strings that the data's text, written by `JSON.stringify`, must contain if the data contains the part. Searching
 * for them is much cheaper than parsing the data, and leaves little to parse.
 */
function textsOf(part: JsonValue): string[] {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return []
  return Object.entries(part).flatMap(([key, value]: [string, JsonValue]) =>
    typeof value === 'object' && value !== null
      ? textsOf(value)
      : [`${JSON.stringify(key)}:${JSON.stringify(value)}`],
  )
}

/** Returns the value that was parsed to a place. */
type Parsed = (place: number) => JsonValue | undefined

/**
 * Returns an argument for the functions below. A condition may have half a megabyte, which must not be passed with each
 * row: as a subquery that depends on no row, it is parsed once per run of its statement.
 */
function once(value: JsonValue | readonly string[]): RawBuilder<number> {
  return sql`(select parsed_place(${JSON.stringify(value)}))`
}

/**
 * Registers a function that parses a text to a place. The place keeps its value while the statement runs, since no other
 * runs meanwhile.
 */
function registerParsed(file: Database): Parsed {
  const texts: string[] = []
  const values: JsonValue[] = []
  let next = 0
  file.function('parsed_place', (text: string) => {
    const known = texts.indexOf(text)
    if (known !== -1) return known
    const place = next++ % PLACES
    values[place] = JSON.parse(text)
    texts[place] = text
    return place
  })
  return (place) => values[place]
}

/** SQLite has no JSON containment; this is the function that filters in memory use. */
function registerContainment(file: Database, parsed: Parsed): void {
  file.function('json_contains', (data: string, place: number) =>
    containsText(data, parsed(place) ?? null) ? 1 : 0,
  )
}

/** SQLite's LIKE ignores only the case of ASCII letters. */
function registerTextSearch(file: Database): void {
  let lastText = ''
  let contains = compileText(lastText)
  file.function('text_contains', { deterministic: true }, (title: string, message: string, text: string) => {
    if (text !== lastText) {
      contains = compileText(text)
      lastText = text
    }
    return contains(title, message) ? 1 : 0
  })
}

/** Tests many prefixes, passed as one parameter; `startsWith` tests a few. */
function registerPrefixes(file: Database, parsed: Parsed): void {
  file.function('starts_with_any', (text: string, place: number) => {
    const prefixes = parsed(place)
    return Array.isArray(prefixes) && prefixes.some((prefix) => text.startsWith(String(prefix))) ? 1 : 0
  })
}

function containsText(json: string, part: JsonValue): boolean {
  try {
    return containsJson(JSON.parse(json), part)
  } catch {
    // Unreadable data contains nothing; pages show the event with its `data.unreadable`.
    return false
  }
}
