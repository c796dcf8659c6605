import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const RECORDED = sql`alter table log_head add column recorded integer not null default 0`

/** The latest time lies in the latest minute, whose events all come after its first position. */
const LATEST = sql`
  update log_head set recorded = coalesce((
    select max(recorded_at) from events
    where position >= (
      select min(first_position) from recorded_minutes where minute = (select max(minute) from recorded_minutes)
    )
  ), 0)`

export const recorded: Migration = {
  async up(db: Kysely<unknown>) {
    await RECORDED.execute(db)
    await LATEST.execute(db)
  },
}
