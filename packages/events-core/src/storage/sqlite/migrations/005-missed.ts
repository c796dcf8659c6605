import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const COLUMNS = [
  sql`alter table subscription_partitions add column missed_from integer`,
  sql`alter table subscription_partitions add column missed_to integer`,
]

export const missed: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of COLUMNS) await column.execute(db)
  },
}
