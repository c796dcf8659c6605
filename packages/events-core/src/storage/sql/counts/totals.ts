import { type Kysely, sql } from 'kysely'
import type { EventTotals } from '../../contract/storage.ts'
import type { LogTables } from '../schema.ts'
import { withExpired } from '../search/expired.ts'
import type { SqlCall } from '../sql-log.ts'

const TOP_TYPES = 1_000
const TOP_SOURCES = 100

/** Returns the counts of visible events: the kept counts minus events that have expired but are not swept yet. */
export async function countTotals({ nowMs, snapshot }: SqlCall): Promise<EventTotals> {
  const { priorities, types, sources } = await snapshot(async (db) => ({
    priorities: await visibleCounts(db, nowMs, { column: 'priority', table: 'type_counts' }),
    types: await visibleCounts(db, nowMs, { column: 'type', table: 'type_counts', top: TOP_TYPES }),
    sources: await visibleCounts(db, nowMs, {
      column: 'source',
      table: 'source_counts',
      top: TOP_SOURCES,
    }),
  }))
  return {
    total: priorities.reduce((total, { count }) => total + count, 0),
    // Not by assigning properties: a source may be called `__proto__`.
    byType: Object.fromEntries(types.map(({ value, count }) => [value, count])),
    bySource: Object.fromEntries(sources.map(({ value, count }) => [value, count])),
    byPriority: Object.fromEntries(priorities.map(({ value, count }) => [value, count])),
  }
}

interface KeptCounts {
  readonly column: 'priority' | 'type' | 'source'
  readonly table: 'type_counts' | 'source_counts'
  /** The maximum number of values, those with the most events first. */
  readonly top?: number
}

/**
 * Publishers may invent any number of types and sources. So the kept counts are read in the order of their key, and only
 * candidates for the top are sorted: one more than `top` for each value with expired events, which may drop out.
 */
async function visibleCounts(
  db: Kysely<LogTables>,
  nowMs: number,
  { column, table, top }: KeptCounts,
): Promise<{ value: string | number; count: number }[]> {
  const value = sql.ref<string | number>(column)
  // Each source has one row, and grouping the rows would take as long again as reading them.
  const isKey = table === 'source_counts'
  const gone = sql<number>`coalesce(gone.count, 0)`
  return await withExpired(db, nowMs)
    .with('gone', (query) =>
      query
        .selectFrom('expired_events')
        .select((eb) => [value.as('value'), eb.fn.countAll<number>().as('count')])
        .groupBy(value),
    )
    .with('kept', (query) =>
      query
        .selectFrom(table)
        .select([value.as('value'), (isKey ? sql<number>`count` : sql<number>`sum(count)`).as('count')])
        .$if(!isKey, (grouped) => grouped.groupBy(value))
        .$if(top !== undefined, (all) =>
          all
            .orderBy(sql`2`, 'desc')
            .orderBy(sql`1`)
            .limit(sql<number>`${top} + (select count(*) from gone)`),
        ),
    )
    .selectFrom('kept')
    .leftJoin('gone', 'gone.value', 'kept.value')
    .select(['kept.value', sql<number>`kept.count - ${gone}`.as('count')])
    .where('kept.count', '>', gone)
    .orderBy(sql`2`, 'desc')
    .orderBy('kept.value')
    .$if(top !== undefined, (all) => all.limit(top ?? 0))
    .execute()
}
