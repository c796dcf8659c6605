import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const PARTITIONS = sql`
  create table subscription_partitions (
    name text not null,
    partition integer not null,
    partitions integer not null,
    position integer not null,
    paused integer not null check (paused in (0, 1)),
    token integer not null,
    beat integer not null,
    owner text,
    created integer not null,
    saved integer not null,
    primary key (name, partition)
  ) strict, without rowid`

export const subscriptions: Migration = {
  async up(db: Kysely<unknown>) {
    await PARTITIONS.execute(db)
  },
}
