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
  // The timers that are due, and the next one that will be.
  sql`create index subscription_states_by_due on subscription_states (id, due, key) where due is not null`,
  // What is shed when there is too much.
  sql`create index subscription_states_by_age on subscription_states (id, touched, key)`,
]

const ABANDONED = sql`create table abandoned_states (id bigint primary key)`

const PARTITIONS = [
  sql`alter table subscription_partitions add column state_id bigint not null default 0`,
  sql`alter table subscription_partitions add column state_keys bigint not null default 0`,
  sql`alter table subscription_partitions add column state_bytes bigint not null default 0`,
  sql`update subscription_partitions set state_id = floor(random() * 140737488355328)`,
  // No two partitions may share their states.
  sql`create unique index subscription_partitions_by_state on subscription_partitions (state_id)`,
]

export const keyedState: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [STATES, ...INDEXES, ABANDONED, ...PARTITIONS]) await statement.execute(db)
  },
}
