import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/*
 * Everything is created in the schema that the migration's search path names. Texts are compared by code point (collation
 * "C"), like in SQLite. `data` is json, which keeps the exact text, where jsonb would sort keys and rewrite numbers; see
 * docs/decisions/postgres.md for the cost.
 */
const EVENTS = sql`
  create table events (
    position bigint primary key,
    id text collate "C" not null unique,
    type text collate "C" not null,
    source text collate "C" not null,
    target text collate "C" not null,
    priority integer not null,
    timestamp bigint not null,
    expires_at bigint,
    recorded_at bigint not null,
    ttl bigint,
    correlation_id text collate "C",
    causation_id text collate "C",
    traceparent text collate "C",
    title text collate "C" not null,
    message text collate "C" not null,
    tags jsonb not null,
    data json not null
  )`

const INDEXES = [
  // Serves pages, reads and counts of some types.
  sql`create index events_by_type on events (type, position)`,
  // Serves pages, reads and counts of some sources.
  sql`create index events_by_source on events (source, position)`,
  // Serves pages and reads of events with a target; most events have none.
  sql`create index events_by_target on events (target, position) where target <> ''`,
  // Serves the sweep, and the correction of kept counts for expired events that are not swept yet.
  sql`create index events_by_expiry on events (expires_at) where expires_at is not null`,
  // Serves searches by tag and by data. New entries are collected and merged together; the append that merges them takes
  // longer the more there are, hence a limit below the default of 4 MB.
  sql`create index events_by_content on events using gin (tags jsonb_path_ops, (data::jsonb) jsonb_path_ops)
    with (gin_pending_list_limit = 512)`,
]

/** Rows that every append changes have room on their page for the next version, which then needs no index entry. */
const COUNTS = [
  sql`
    create table type_counts (
      type text collate "C" not null,
      priority integer not null,
      count bigint not null,
      primary key (type, priority)
    ) with (fillfactor = 50)`,
  sql`
    create table minute_counts (
      minute bigint not null,
      type text collate "C" not null,
      priority integer not null,
      count bigint not null,
      first_position bigint not null,
      last_position bigint not null,
      primary key (minute, type, priority)
    ) with (fillfactor = 70)`,
  sql`
    create table source_counts (
      source text collate "C" primary key,
      count bigint not null
    ) with (fillfactor = 50)`,
  sql`
    create table hour_source_counts (
      hour bigint not null,
      source text collate "C" not null,
      count bigint not null,
      primary key (hour, source)
    ) with (fillfactor = 70)`,
  sql`
    create table recorded_minutes (
      minute bigint primary key,
      first_position bigint not null,
      last_position bigint not null
    )`,
]

const HEAD = sql`
  create table log_head (
    single boolean primary key default true check (single),
    position bigint not null,
    epoch text collate "C" not null
  ) with (fillfactor = 10)`

/** The last migration that changes the functions for appends and counts creates them. */
export const eventLog: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [EVENTS, ...INDEXES, ...COUNTS, HEAD]) await statement.execute(db)
    await sql`insert into log_head (position, epoch) values (0, ${randomUUID()})`.execute(db)
  },
}
