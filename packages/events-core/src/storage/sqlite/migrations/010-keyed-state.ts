import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const STATES = sql`
  create table subscription_states (
    id integer not null,
    key text not null,
    value text,
    due integer,
    touched integer not null,
    bytes integer not null,
    primary key (id, key)
  ) strict, without rowid`

const INDEXES = [
  // Serves the queries for due timers and for the next due time.
  sql`create index subscription_states_by_due on subscription_states (id, due, key) where due is not null`,
  // Serves the query for the oldest states, which are removed when there are too many.
  sql`create index subscription_states_by_age on subscription_states (id, touched, key)`,
]

const ABANDONED = sql`create table abandoned_states (id integer primary key) strict`

const PARTITIONS = [
  sql`alter table subscription_partitions add column state_id integer not null default 0`,
  sql`alter table subscription_partitions add column state_keys integer not null default 0`,
  sql`alter table subscription_partitions add column state_bytes integer not null default 0`,
  sql`update subscription_partitions set state_id = abs(random()) % 140737488355328`,
  // Ensures that no two partitions share their states.
  sql`create unique index subscription_partitions_by_state on subscription_partitions (state_id)`,
]

export const keyedState: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [STATES, ...INDEXES, ABANDONED, ...PARTITIONS]) await statement.execute(db)
  },
}
