import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { APPEND_EVENTS } from './append-events.ts'
import { SUBTRACT_COUNTS } from './subtract-counts.ts'

/** The functions with the settings that their plans rely on; a process of the version before calls them as before. */
export const pinnedPlans: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [APPEND_EVENTS, SUBTRACT_COUNTS]) await statement.execute(db)
  },
}
