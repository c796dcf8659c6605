import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const DEAD_LETTERS = sql`
  create table dead_letters (
    id text collate "C" primary key,
    subscription text collate "C" not null,
    event_id text collate "C" not null,
    type text collate "C" not null,
    event text collate "C" not null,
    failure text collate "C" not null,
    attempts bigint not null,
    first_failed_at bigint not null,
    last_failed_at bigint not null,
    retrying smallint not null check (retrying in (0, 1)),
    unique (subscription, event_id)
  )`

// Serves the query for retry requests, which a subscription makes at each renewal of its lease; there are rarely any.
const REQUESTS = sql`
  create index dead_letters_to_retry on dead_letters (subscription, id) where retrying = 1`

export const deadLetters: Migration = {
  async up(db: Kysely<unknown>) {
    await DEAD_LETTERS.execute(db)
    await REQUESTS.execute(db)
  },
}
