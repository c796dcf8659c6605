import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const DEAD_LETTERS = sql`
  create table dead_letters (
    id text not null primary key,
    subscription text not null,
    event_id text not null,
    type text not null,
    event text not null check (json_type(event) = 'object'),
    failure text not null check (json_type(failure) = 'object'),
    attempts integer not null,
    first_failed_at integer not null,
    last_failed_at integer not null,
    retrying integer not null check (retrying in (0, 1)),
    unique (subscription, event_id)
  ) strict`

// Serves the query for retry requests, which a subscription makes at each renewal of its lease; there are rarely any.
const REQUESTS = sql`
  create index dead_letters_to_retry on dead_letters (subscription, id) where retrying = 1`

export const deadLetters: Migration = {
  async up(db: Kysely<unknown>) {
    await DEAD_LETTERS.execute(db)
    await REQUESTS.execute(db)
  },
}
