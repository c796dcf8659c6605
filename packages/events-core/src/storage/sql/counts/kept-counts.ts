import { type AliasableExpression, type Expression, type SqlBool, sql } from 'kysely'
import { HOUR_MS, MINUTE_MS } from '../schema.ts'
import { type Conditions, hasTimes } from '../search/conditions.ts'
import { withExpired } from '../search/expired.ts'
import { anyOf, countedAs, during, matches } from '../search/predicate.ts'
import { EVERYWHERE } from '../search/windows.ts'
import type { SqlDialect, SqlLog } from '../sql-log.ts'
import { splitByPeriod } from './periods.ts'

/** Counts that appends and deletes update, so that no query has to examine the events. */
export interface KeptCounts {
  /** Times in the conditions must be boundaries of such periods. */
  readonly periodMs: number
  /** Returns the number of stored events that meet the conditions, expired or not. */
  sum(log: SqlLog, conditions: Conditions): Expression<number>
  /** Tests whether a row of `expired_events` is among them. */
  isExpired(conditions: Conditions, dialect: SqlDialect): Predicate
}

type Predicate = Expression<SqlBool>

const BY_TYPE: KeptCounts = {
  periodMs: MINUTE_MS,
  sum: (log, conditions) => {
    const predicate = countedAs(conditions, log.dialect)
    return hasTimes(conditions)
      ? sumTimes(log, conditions, predicate)
      : sumOf(log.db, 'type_counts', predicate)
  },
  isExpired: matchesAnywhere,
}

const BY_SOURCE: KeptCounts = {
  periodMs: HOUR_MS,
  sum: ({ db, dialect }, conditions) => {
    const { sources } = conditions
    const predicate = sources ? anyOf('source', sources, dialect) : sql<SqlBool>`true`
    return hasTimes(conditions)
      ? sumOf(db, 'hour_source_counts', during('hour', conditions, HOUR_MS), predicate)
      : sumOf(db, 'source_counts', predicate)
  },
  isExpired: matchesAnywhere,
}

/** Kept for all times together, so the conditions must have no times. */
function byTag(tag: string): KeptCounts {
  return {
    periodMs: Number.POSITIVE_INFINITY,
    sum: ({ db }) => {
      const count = db.selectFrom('tag_counts').select('count').where('tag', '=', tag)
      return sql`coalesce(${count}, 0)`
    },
    isExpired: (_, dialect) => dialect.isExpiredTagged(tag),
  }
}

function matchesAnywhere(conditions: Conditions, dialect: SqlDialect): Predicate {
  return matches(conditions, EVERYWHERE, dialect)
}

/** Conditions by which no counts are kept. */
const LOOKED_INTO = ['target', 'extensions', 'data', 'text'] as const

/** Returns the counts that answer exactly these conditions; undefined if there are none. */
export function keptCountsFor(conditions: Conditions): KeptCounts | undefined {
  const asksFor = (name: keyof Conditions) => conditions[name] !== undefined
  if (LOOKED_INTO.some(asksFor)) return undefined
  if (asksFor('tags')) return keptForTags(conditions)
  if (!asksFor('sources')) return BY_TYPE
  return asksFor('types') || asksFor('minPriority') ? undefined : BY_SOURCE
}

/**
 * Returns counts for a single tag without further conditions: counts of several tags would include events that have more
 * than one of them twice.
 */
function keptForTags({ tags = [], tagsMode, ...others }: Conditions): KeptCounts | undefined {
  const [tag, ...more] = new Set(tags)
  const isAlone = more.length === 0 && Object.values(others).every((condition) => condition === undefined)
  return tag !== undefined && isAlone ? byTag(tag) : undefined
}

/** Counts the events that meet the conditions from the kept counts: one statement, so that all counts are of one moment. */
export async function countKept(
  log: SqlLog,
  kept: KeptCounts,
  conditions: Conditions,
  nowMs: number,
): Promise<{ readonly stored: number; readonly expired: number }> {
  const isExpired = kept.isExpired(conditions, log.dialect)
  return await withExpired(log.db, nowMs)
    .selectNoFrom((eb) => [
      sql<number>`${kept.sum(log, conditions)}`.as('stored'),
      eb
        .selectFrom('expired_events')
        .where(isExpired)
        .select(eb.fn.countAll<number>().as('count'))
        .$asScalar()
        .as('expired'),
    ])
    .executeTakeFirstOrThrow()
}

/** Counts the stored events, including expired ones. @param ofTypes restricts the count to some types */
export async function countStored(db: SqlLog['db'], ...ofTypes: Predicate[]): Promise<number> {
  const sum = sumOf(db, 'type_counts', ...ofTypes)
  const { count } = await db.selectNoFrom(sum.as('count')).executeTakeFirstOrThrow()
  return count
}

/** Sums whole hours from their own counts, which over a month are a small part of the rows. */
function sumTimes({ db }: SqlLog, conditions: Conditions, predicate: Predicate): Expression<number> {
  const { whole, edges } = splitByPeriod(conditions, HOUR_MS)
  const sums = edges.map((edge) => sumOf(db, 'minute_counts', during('minute', edge, MINUTE_MS), predicate))
  if (whole) sums.push(sumOf(db, 'hour_counts', during('hour', whole, HOUR_MS), predicate))
  return sql`(${sql.join(sums, sql` + `)})`
}

type CountsTable = 'type_counts' | 'minute_counts' | 'hour_counts' | 'source_counts' | 'hour_source_counts'

function sumOf(
  db: SqlLog['db'],
  table: CountsTable,
  ...predicates: Predicate[]
): AliasableExpression<number> {
  return db
    .selectFrom(table)
    .where((eb) => eb.and(predicates))
    .select(sql<number>`coalesce(sum("count"), 0)`.as('count'))
    .$asScalar()
}
