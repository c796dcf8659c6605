import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { SUBTRACT_COUNTS } from './subtract-counts.ts'

/** Creates the functions with the settings on which their plans rely; a later migration creates the other one. */
export const pinnedPlans: Migration = {
  async up(db: Kysely<unknown>) {
    await SUBTRACT_COUNTS.execute(db)
  },
}
