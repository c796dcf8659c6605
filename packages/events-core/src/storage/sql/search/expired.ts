import type { Kysely, QueryCreator } from 'kysely'
import type { LogTables } from '../schema.ts'
import { expired } from './predicate.ts'

const COLUMNS = ['position', 'type', 'source', 'priority', 'tags', 'timestamp'] as const

type ExpiredEvents = Pick<LogTables['events'], (typeof COLUMNS)[number]>

/**
 * Adds the events that have expired but are not swept yet as `expired_events`. They are found by the index on their expiry
 * before any other condition: with another index the whole log might be read for them.
 */
export function withExpired(
  db: Kysely<LogTables>,
  nowMs: number,
): QueryCreator<LogTables & { expired_events: ExpiredEvents }> {
  return db.with(
    (cte) => cte('expired_events').materialized(),
    (query) => query.selectFrom('events').select(COLUMNS).where(expired(nowMs)),
  )
}
