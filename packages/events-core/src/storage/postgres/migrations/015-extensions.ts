import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { APPEND_EVENTS } from './append-events.ts'

const COLUMN = sql`alter table events add column extensions jsonb`

/** Serves searches by extension; most events have none. */
const INDEX = sql`
  create index events_by_extension on events using gin (extensions jsonb_path_ops)
  with (gin_pending_list_limit = 512) where extensions is not null`

/** The old function is dropped: with the new one's default, a call without extensions would be ambiguous. */
const FUNCTION = [sql`drop function if exists append_events`, APPEND_EVENTS]

export const extensions: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [COLUMN, INDEX, ...FUNCTION]) await statement.execute(db)
  },
}
