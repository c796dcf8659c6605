import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const STATES = sql`
  create table subscription_states (
    id bigint not null,
    key text collate "C" not null,
    value text collate "C",
    due bigint,
    touched bigint not null,
    bytes integer not null,
    primary key (id, key)
  )`

const INDEXES = [
  // Serves the queries for due timers and for the next due time.
  sql`create index subscription_states_by_due on subscription_states (id, due, key) where due is not null`,
  // Serves the query for the oldest states, which are removed when there are too many.
  sql`create index subscription_states_by_age on subscription_states (id, touched, key)`,
]

/**
 * Without statistics, the server assumes that one partition has a two-hundredth of the table, and would read and sort all
 * its states to find the first few. So the statistics state from the start that one partition may have all rows: they are
 * taken from some rows of one partition, which are then deleted.
 */
const STATISTICS = [
  sql`alter table subscription_states alter column id set (n_distinct = 1)`,
  sql`
    insert into subscription_states (id, key, due, touched, bytes)
    select 0, number, number, number, 1 from generate_series(1, 100) as number`,
  sql`analyze subscription_states`,
  sql`delete from subscription_states`,
]

const ABANDONED = sql`create table abandoned_states (id bigint primary key)`

const PARTITIONS = [
  sql`alter table subscription_partitions add column state_id bigint not null default 0`,
  sql`alter table subscription_partitions add column state_keys bigint not null default 0`,
  sql`alter table subscription_partitions add column state_bytes bigint not null default 0`,
  sql`update subscription_partitions set state_id = floor(random() * 140737488355328)`,
  // Ensures that no two partitions share their states.
  sql`create unique index subscription_partitions_by_state on subscription_partitions (state_id)`,
]

export const keyedState: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [STATES, ...INDEXES, ...STATISTICS, ABANDONED, ...PARTITIONS])
      await statement.execute(db)
  },
}
