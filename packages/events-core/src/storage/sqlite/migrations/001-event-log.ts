import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { APPLICATION_ID } from '../file/application-id.ts'

/**
 * Short columns used by filters come first, so that reading them never follows the overflow pages of long texts. The checks
 * reject values that could not be read again; their cost is not measurable.
 */
const EVENTS = sql`
  create table events (
    position integer primary key,
    id text not null unique,
    type text not null,
    source text not null,
    target text not null,
    priority integer not null,
    timestamp integer not null,
    expires_at integer,
    recorded_at integer not null,
    ttl integer,
    tags text not null check (json_type(tags) = 'array'),
    title text not null,
    correlation_id text,
    causation_id text,
    traceparent text,
    message text not null,
    data text not null check (json_type(data) = 'object')
  ) strict`

/** Each index ends in the position, as all do in SQLite, so it returns the events of one value in order. */
const INDEXES = [
  // Serves pages, reads and counts of some types.
  sql`create index events_by_type on events (type)`,
  // Serves pages, reads and counts of some sources.
  sql`create index events_by_source on events (source)`,
  // Serves pages and reads of events with a target; most events have none.
  sql`create index events_by_target on events (target) where target <> ''`,
  // Serves the sweep, and the correction of kept counts for expired events that are not swept yet.
  sql`create index events_by_expiry on events (expires_at) where expires_at is not null`,
]

const TAGS = sql`
  create table event_tags (
    tag text not null,
    position integer not null,
    primary key (tag, position)
  ) strict, without rowid`

const COUNTS = [
  sql`
    create table type_counts (
      type text not null,
      priority integer not null,
      count integer not null,
      primary key (type, priority)
    ) strict, without rowid`,
  sql`
    create table minute_counts (
      minute integer not null,
      type text not null,
      priority integer not null,
      count integer not null,
      first_position integer not null,
      last_position integer not null,
      primary key (minute, type, priority)
    ) strict, without rowid`,
  sql`
    create table source_counts (
      source text not null primary key,
      count integer not null
    ) strict, without rowid`,
  sql`
    create table hour_source_counts (
      hour integer not null,
      source text not null,
      count integer not null,
      primary key (hour, source)
    ) strict, without rowid`,
  sql`
    create table recorded_minutes (
      minute integer primary key,
      first_position integer not null,
      last_position integer not null
    ) strict`,
]

const HEAD = sql`
  create table log_head (
    only integer primary key check (only = 1),
    position integer not null,
    epoch text not null
  ) strict`

export const eventLog: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [EVENTS, ...INDEXES, TAGS, ...COUNTS, HEAD]) await statement.execute(db)
    await sql.raw(`pragma application_id = ${APPLICATION_ID}`).execute(db)
    await sql`insert into log_head (only, position, epoch) values (1, 0, ${randomUUID()})`.execute(db)
  },
}
