import type { Migration } from 'kysely/migration'

/** A function that appends counted batches, which the next migration makes anew. */
export const countedBatches: Migration = {
  async up() {},
}
