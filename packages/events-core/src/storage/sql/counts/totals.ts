import { type Kysely, sql } from 'kysely'
import type { EventTotals } from '../../contract/storage.ts'
import type { LogTables } from '../schema.ts'
import { withExpired } from '../search/expired.ts'
import type { SqlCall } from '../sql-log.ts'

const TOP_TYPES = 1_000
const TOP_SOURCES = 100

/** Counts of visible events: the kept ones less those that have expired and are not swept yet. */
export async function countTotals({ nowMs, snapshot }: SqlCall): Promise<EventTotals> {
  const { priorities, types, sources } = await snapshot(async (db) => ({
    priorities: await visibleByPriority(db, nowMs),
    types: await visibleByType(db, nowMs),
    sources: await visibleBySource(db, nowMs),
  }))
  return {
    total: priorities.reduce((total, { count }) => total + count, 0),
    // Not by assignment: a source may be called `__proto__`.
    byType: Object.fromEntries(types.map(({ type, count }) => [type, count])),
    bySource: Object.fromEntries(sources.map(({ source, count }) => [source, count])),
    byPriority: Object.fromEntries(priorities.map(({ priority, count }) => [priority, count])),
  }
}

interface PriorityCount {
  readonly priority: number
  readonly count: number
}

interface TypeCount {
  readonly type: string
  readonly count: number
}

interface SourceCount {
  readonly source: string
  readonly count: number
}

const minusOne = sql<number>`-1`.as('count')

function visibleCounts(db: Kysely<LogTables>, nowMs: number) {
  return withExpired(db, nowMs)
    .with('counts', (query) =>
      query
        .selectFrom('type_counts')
        .select(['type', 'priority', 'count'])
        .unionAll(query.selectFrom('expired_events').select(['type', 'priority', minusOne])),
    )
    .selectFrom('counts')
}

async function visibleByPriority(db: Kysely<LogTables>, nowMs: number): Promise<PriorityCount[]> {
  return await visibleCounts(db, nowMs)
    .select((eb) => ['priority', eb.fn.sum<number>('count').as('count')])
    .groupBy('priority')
    .having((eb) => eb.fn.sum<number>('count'), '>', 0)
    .execute()
}

async function visibleByType(db: Kysely<LogTables>, nowMs: number): Promise<TypeCount[]> {
  return await visibleCounts(db, nowMs)
    .select((eb) => ['type', eb.fn.sum<number>('count').as('count')])
    .groupBy('type')
    .having((eb) => eb.fn.sum<number>('count'), '>', 0)
    .orderBy('count', 'desc')
    .orderBy('type')
    .limit(TOP_TYPES)
    .execute()
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
