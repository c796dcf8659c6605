import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const PARTITIONS = sql`
  create table subscription_partitions (
    name text collate "C" not null,
    partition integer not null,
    partitions integer not null,
    position bigint not null,
    paused smallint not null check (paused in (0, 1)),
    token bigint not null,
    beat bigint not null,
    owner text collate "C",
    created bigint not null,
    saved bigint not null,
    primary key (name, partition)
  ) with (fillfactor = 50)`

export const subscriptions: Migration = {
  async up(db: Kysely<unknown>) {
    await PARTITIONS.execute(db)
  },
}
