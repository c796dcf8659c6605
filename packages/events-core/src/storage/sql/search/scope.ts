import { type AliasableExpression, type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import { type LogTables, MINUTE_MS } from '../schema.ts'
import type { SqlDialect, SqlLog } from '../sql-log.ts'
import { type Conditions, hasTimes, type Patterns } from './conditions.ts'
import { anyOf, during, isFor } from './predicate.ts'
import { EVERYWHERE, intersect, type Range } from './windows.ts'

/** The range of a search, and its conditions. */
export interface Scope {
  /** The last position assigned when the scope was opened. Later events are not part of it. */
  readonly head: number
  /** No event outside of it can match. */
  readonly range: Range
  /** Conditions that select the same events in `range` as the query's. */
  readonly conditions: Conditions
  /** The maximum number of events that an index finds for the conditions, if known. */
  readonly found?: number | undefined
}

/** With more types than this, comparing each event's type is cheaper than looking up each type. */
const MAX_TYPES = 100

/** Up to this many events that an index finds are examined in one statement, wherever they lie. */
export const FEW = 1_000

/**
 * Opens a scope. The head is read first: the later reads are then right for all events up to it, even if other processes
 * append meanwhile.
 */
export async function openScope(
  { db, dialect }: Pick<SqlLog, 'db' | 'dialect'>,
  conditions: Conditions,
): Promise<Scope> {
  const { head, oldest, found } = await readEnds(db, dialect, conditions)
  const stored = { from: (oldest ?? head + 1) - 1, to: head }
  const known = await withKnownTypes(db, dialect, conditions)
  if (known === undefined) return { head, range: { from: head, to: head }, conditions }
  const range = intersect(stored, await timeBounds(db, conditions))
  return { head, range, conditions: known, found: found !== null && found <= FEW ? found : undefined }
}

interface Ends {
  readonly head: number
  readonly oldest: number | null
  /**
   * The number of events that an index finds for the target, extensions or data of the conditions; FEW + 1 if more, null
   * without such a condition.
   */
  readonly found: number | null
}

async function readEnds(db: Kysely<LogTables>, dialect: SqlDialect, conditions: Conditions): Promise<Ends> {
  const oldest = db.selectFrom('events').select((eb) => eb.fn.min('position').as('oldest'))
  const indexed = indexedAlone(dialect, conditions)
  const found: AliasableExpression<number | null> = indexed ? countSome(db, indexed) : sql`null`
  return await db
    .selectFrom('log_head')
    .select(['position as head', oldest.as('oldest'), found.as('found')])
    .executeTakeFirstOrThrow()
}

/** The conditions that few events may meet and that an index serves. Types, sources and tags have kept counts. */
function indexedAlone(
  dialect: SqlDialect,
  { target, extensions, data }: Conditions,
): Expression<SqlBool> | undefined {
  if (target) return isFor(target)
  if (!dialect.hasDataIndex) return undefined
  if (extensions) return dialect.hasExtensions(extensions)
  return data && dialect.dataContains(data)
}

function countSome(
  db: Kysely<LogTables>,
  predicate: Expression<SqlBool>,
): AliasableExpression<number | null> {
  const some = db
    .selectFrom('events')
    .select('position')
    .where(predicate)
    .limit(FEW + 1)
  return db
    .selectFrom(some.as('some'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .$asScalar()
}

/**
 * Replaces patterns such as `scan.*` by the stored types that they match, which an index finds; returns undefined if no
 * stored type matches.
 */
async function withKnownTypes(
  db: Kysely<LogTables>,
  dialect: SqlDialect,
  conditions: Conditions,
): Promise<Conditions | undefined> {
  const { types } = conditions
  if (!types || types.prefixes.length === 0) return conditions
  const known = await knownTypes(db, dialect, types)
  if (known.length === 0) return undefined
  return known.length > MAX_TYPES ? conditions : { ...conditions, types: { exact: known, prefixes: [] } }
}

async function knownTypes(db: Kysely<LogTables>, dialect: SqlDialect, types: Patterns): Promise<string[]> {
  const rows = await db
    .selectFrom('type_counts')
    .select('type')
    .distinct()
    .where(anyOf('type', types, dialect))
    .limit(MAX_TYPES + 1)
    .execute()
  return rows.map((row) => row.type)
}

/** Timestamps have no index: the counts by minute give the range of positions. */
async function timeBounds(db: Kysely<LogTables>, conditions: Conditions): Promise<Range> {
  if (!hasTimes(conditions)) return EVERYWHERE
  const minutes = db
    .selectFrom('minute_counts')
    .select((eb) => [
      eb.fn.min<number | null>('first_position').as('first'),
      eb.fn.max<number | null>('last_position').as('last'),
    ])
    .where(during('minute', conditions, MINUTE_MS))
  // Both are null if no event has such a time.
  const { first, last } = await minutes.executeTakeFirstOrThrow()
  return { from: (first ?? 1) - 1, to: last ?? 0 }
}
