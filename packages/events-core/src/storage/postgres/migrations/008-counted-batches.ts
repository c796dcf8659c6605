import type { Migration } from 'kysely/migration'

/** Introduces the function that appends counted batches; the next migration replaces it. */
export const countedBatches: Migration = {
  async up() {},
}
