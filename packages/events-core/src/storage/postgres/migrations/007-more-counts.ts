import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Rows that every append changes have room on their page for the next version, which then needs no index entry. */
const TABLES = [
  sql`
    create table tag_counts (
      tag text collate "C" primary key,
      count bigint not null
    ) with (fillfactor = 50)`,
  sql`
    create table hour_counts (
      hour bigint not null,
      type text collate "C" not null,
      priority integer not null,
      count bigint not null,
      primary key (hour, type, priority)
    ) with (fillfactor = 70)`,
]

/** The counts of the existing events. The lock prevents appends meanwhile, since a wrong count would stay. */
const COUNTS = [
  sql`lock table events in share mode`,
  sql`
    insert into tag_counts (tag, count)
    select tag, count(*)
    from (select distinct position, tag from events, jsonb_array_elements_text(tags) as tag) as carried
    group by tag`,
  sql`
    insert into hour_counts (hour, type, priority, count)
    select floor(minute / 60::float8), type, priority, sum(count) from minute_counts group by 1, 2, 3`,
]

/** A process of the previous version can no longer append or delete: it would not update the new counts. */
const FUNCTIONS = [
  sql`
    drop function if exists append_events(
      text[], text[], text[], text[], integer[], bigint[], bigint[], bigint[], text[], text[], text[], text[], text[],
      text[], text[], bigint, integer, text
    )`,
  sql`drop function if exists subtract_counts(text[], text[], integer[], bigint[])`,
]

export const moreCounts: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [...TABLES, ...COUNTS, ...FUNCTIONS]) await statement.execute(db)
  },
}
