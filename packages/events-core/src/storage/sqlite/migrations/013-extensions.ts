import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const COLUMN = sql`
  alter table events add column extensions text check (extensions is null or json_type(extensions) = 'object')`

export const extensions: Migration = {
  async up(db: Kysely<unknown>) {
    await COLUMN.execute(db)
  },
}
