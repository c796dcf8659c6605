import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const CLAIM = sql`alter table subscription_partitions add column claim text collate "C"`

export const claim: Migration = {
  async up(db: Kysely<unknown>) {
    await CLAIM.execute(db)
  },
}
