import { type Kysely, sql } from 'kysely'
import type { EventTotals } from '../storage.ts'
import { withExpired } from './expired.ts'
import type { LogTables } from './schema.ts'
import type { SqlLog } from './sql-log.ts'

const TOP_SOURCES = 100

/** Counts of visible events: the kept ones less those that have expired and are not swept yet. */
export async function countTotals(log: SqlLog, nowMs: number): Promise<EventTotals> {
  const { types, sources } = await log.snapshot(async (db) => ({
    types: await visibleByType(db, nowMs),
    sources: await visibleBySource(db, nowMs),
  }))
  return {
    total: types.reduce((total, { count }) => total + count, 0),
    byType: sumBy(types, (row) => row.type),
    // Not by assignment: a source may be called `__proto__`.
    bySource: Object.fromEntries(sources.map(({ source, count }) => [source, count])),
    byPriority: sumBy(types, (row) => String(row.priority)),
  }
}

interface TypeCount {
  readonly type: string
  readonly priority: number
  readonly count: number
}

interface SourceCount {
  readonly source: string
  readonly count: number
}

const minusOne = sql<number>`-1`.as('count')

async function visibleByType(db: Kysely<LogTables>, nowMs: number): Promise<TypeCount[]> {
  const rows = await withExpired(db, nowMs)
    .with('counts', (query) =>
      query
        .selectFrom('type_counts')
        .select(['type', 'priority', 'count'])
        .unionAll(query.selectFrom('expired_events').select(['type', 'priority', minusOne])),
    )
    .selectFrom('counts')
    .select((eb) => ['type', 'priority', eb.fn.sum<number>('count').as('count')])
    .groupBy(['type', 'priority'])
    .execute()
  return rows.filter(({ count }) => count > 0)
}

async function visibleBySource(db: Kysely<LogTables>, nowMs: number): Promise<SourceCount[]> {
  return await withExpired(db, nowMs)
    .with('counts', (query) =>
      query
        .selectFrom('source_counts')
        .select(['source', 'count'])
        .unionAll(query.selectFrom('expired_events').select(['source', minusOne])),
    )
    .selectFrom('counts')
    .select((eb) => ['source', eb.fn.sum<number>('count').as('count')])
    .groupBy('source')
    .having((eb) => eb.fn.sum<number>('count'), '>', 0)
    .orderBy('count', 'desc')
    .orderBy('source')
    .limit(TOP_SOURCES)
    .execute()
}

function sumBy(rows: readonly TypeCount[], key: (row: TypeCount) => string): Record<string, number> {
  const sums = new Map<string, number>()
  for (const row of rows) sums.set(key(row), (sums.get(key(row)) ?? 0) + row.count)
  return Object.fromEntries(sums)
}
