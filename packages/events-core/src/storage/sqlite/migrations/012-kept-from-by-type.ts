import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const KEPT_FROM = [
  sql`
    create table kept_from (
      type text not null primary key,
      position integer not null
    ) strict, without rowid`,
  // The previous value applies to every type.
  sql`insert into kept_from (type, position) select '', kept_from from log_head where kept_from > 1`,
  sql`alter table log_head drop column kept_from`,
]

export const keptFromByType: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of KEPT_FROM) await statement.execute(db)
  },
}
