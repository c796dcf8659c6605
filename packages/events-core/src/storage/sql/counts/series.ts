import { type RawBuilder, sql } from 'kysely'
import { compareCodePoints } from '../../code-points.ts'
import type { SeriesPoint, SeriesQuery } from '../../contract/series.ts'
import { UNIT_MS } from '../../series-query.ts'
import { conditionsOf } from '../search/conditions.ts'
import { withExpired } from '../search/expired.ts'
import { anyOf, countedAs, matches } from '../search/predicate.ts'
import { EVERYWHERE } from '../search/windows.ts'
import type { SqlCall } from '../sql-log.ts'

interface Row {
  readonly period: number
  readonly key: string
  readonly count: number
}

/**
 * Sums the kept counts by unit, minus events that have expired but are not swept yet. The query must be checked: it counts
 * either types or sources.
 */
export async function countSeries(
  { db, dialect, nowMs }: SqlCall,
  query: SeriesQuery,
): Promise<readonly SeriesPoint[]> {
  const { sinceMs, untilMs, unit, types, sources, minPriority } = query
  const unitMs = UNIT_MS[unit]
  const conditions = conditionsOf({
    ...(types && { types }),
    ...(sources && { sources }),
    ...(minPriority !== undefined && { minPriority }),
  })
  const counted = conditions.sources
    ? anyOf('source', conditions.sources, dialect)
    : countedAs(conditions, dialect)
  const expired = matches({ ...conditions, sinceMs, untilMs: untilMs - 1 }, EVERYWHERE, dialect)
  const key = keyOf(query)
  const rows = await withExpired(db, nowMs)
    .with('counts', (creator) =>
      creator
        .selectFrom(tableOf(query))
        .select([sql<number>`${sql.ref(unit)}`.as('period'), key.as('key'), 'count'])
        .where(sql<number>`${sql.ref(unit)}`, '>=', sinceMs / unitMs)
        .where(sql<number>`${sql.ref(unit)}`, '<', untilMs / unitMs)
        .where(counted)
        .unionAll(
          creator
            .selectFrom('expired_events')
            .select([periodOf(unitMs).as('period'), key.as('key'), sql<number>`-1`.as('count')])
            .where(expired),
        ),
    )
    .selectFrom('counts')
    .select((eb) => ['period', 'key', eb.fn.sum<number>('count').as('count')])
    .groupBy(['period', 'key'])
    .having((eb) => eb.fn.sum<number>('count'), '>', 0)
    .execute()
  return pointsOf(rows, unitMs)
}

function tableOf({ unit, by, sources }: SeriesQuery): 'minute_counts' | 'hour_counts' | 'hour_source_counts' {
  if (sources !== undefined || by === 'source') return 'hour_source_counts'
  return unit === 'minute' ? 'minute_counts' : 'hour_counts'
}

function keyOf({ by }: SeriesQuery): RawBuilder<string> {
  return by === undefined ? sql`''` : sql`cast(${sql.ref(by)} as text)`
}

/** Rounds down: a timestamp below 0, before 1970, belongs to the unit below it. */
function periodOf(unitMs: number): RawBuilder<number> {
  return sql`cast(floor(timestamp / ${sql.raw(`${unitMs}.0`)}) as bigint)`
}

function pointsOf(rows: readonly Row[], unitMs: number): readonly SeriesPoint[] {
  return rows
    .map(({ period, key, count }) => ({ startMs: period * unitMs, key, count }))
    .sort((a, b) => a.startMs - b.startMs || compareCodePoints(a.key, b.key))
}
