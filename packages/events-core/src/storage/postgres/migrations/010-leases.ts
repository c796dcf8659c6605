import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const LEASES = sql`
  create table leases (
    name text collate "C" primary key,
    token bigint not null,
    beat bigint not null,
    owner text collate "C",
    claim text collate "C"
  ) with (fillfactor = 50)`

/** Holders of partitions keep their leases. */
const MOVED = sql`
  insert into leases (name, token, beat, owner, claim)
  select 'subscription:' || name || ':' || cast(partition as text), token, beat, owner, claim
  from subscription_partitions
  where owner is not null or claim is not null`

const COLUMNS = ['token', 'beat', 'owner', 'claim'].map(
  (column) => sql`alter table subscription_partitions drop column ${sql.ref(column)}`,
)

export const leases: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [LEASES, MOVED, ...COLUMNS]) await statement.execute(db)
  },
}
