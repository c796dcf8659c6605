import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { SUBTRACT_COUNTS } from './subtract-counts.ts'

/** The functions with the settings that their plans rely on; a later migration makes the other one. */
export const pinnedPlans: Migration = {
  async up(db: Kysely<unknown>) {
    await SUBTRACT_COUNTS.execute(db)
  },
}
