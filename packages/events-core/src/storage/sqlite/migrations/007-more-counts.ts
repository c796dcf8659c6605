import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const TABLES = [
  sql`
    create table tag_counts (
      tag text not null primary key,
      count integer not null
    ) strict, without rowid`,
  sql`
    create table hour_counts (
      hour integer not null,
      type text not null,
      priority integer not null,
      count integer not null,
      primary key (hour, type, priority)
    ) strict, without rowid`,
]

/** The counts of the existing events. Rounds down: a minute below 0, before 1970, belongs to the hour below it. */
const COUNTS = [
  sql`insert into tag_counts (tag, count) select tag, count(*) from event_tags group by tag`,
  sql`
    insert into hour_counts (hour, type, priority, count)
    select floor(minute / 60.0), type, priority, sum(count) from minute_counts group by 1, 2, 3`,
]

export const moreCounts: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [...TABLES, ...COUNTS]) await statement.execute(db)
  },
}
