import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const KEPT_FROM = sql`alter table log_head add column kept_from integer not null default 1`

/** Earlier removals were not recorded, so any event below the first one may have been removed. */
const FIRST_KEPT = sql`
  update log_head set kept_from = coalesce((select min(events.position) from events), log_head.position + 1)`

export const keptFrom: Migration = {
  async up(db: Kysely<unknown>) {
    await KEPT_FROM.execute(db)
    await FIRST_KEPT.execute(db)
  },
}
