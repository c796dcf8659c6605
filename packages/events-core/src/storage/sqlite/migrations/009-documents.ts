import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const DOCUMENTS = sql`
  create table documents (
    collection text not null,
    key text not null,
    value text not null check (json_valid(value)),
    version integer not null,
    updated integer not null,
    primary key (collection, key)
  ) strict`

const HEAD = [
  sql`
    create table document_head (
      only integer primary key check (only = 1),
      version integer not null
    ) strict`,
  sql`insert into document_head (only, version) values (1, 0)`,
]

export const documents: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [DOCUMENTS, ...HEAD]) await statement.execute(db)
  },
}
