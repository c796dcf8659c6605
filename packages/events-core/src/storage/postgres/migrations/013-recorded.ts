import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { APPEND_EVENTS } from './append-events.ts'

const RECORDED = sql`alter table log_head add column recorded bigint not null default 0`

/** The latest time lies in the latest minute, whose events all come after its first position. */
const LATEST = sql`
  update log_head set recorded = coalesce((
    select max(recorded_at) from events
    where events.position >= (
      select min(first_position) from recorded_minutes where minute = (select max(minute) from recorded_minutes)
    )
  ), 0)`

/**
 * The function returns one more column and has the same parameters, so a process of the previous version can still call it.
 */
const FUNCTION = [sql`drop function if exists append_events`, APPEND_EVENTS]

export const recorded: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [RECORDED, LATEST, ...FUNCTION]) await statement.execute(db)
  },
}
