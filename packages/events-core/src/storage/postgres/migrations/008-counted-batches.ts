import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { APPEND_EVENTS } from './append-events.ts'

/** A process of the version before goes on with the function of its own parameters, which keeps all counts, too. */
export const countedBatches: Migration = {
  async up(db: Kysely<unknown>) {
    await APPEND_EVENTS.execute(db)
  },
}
