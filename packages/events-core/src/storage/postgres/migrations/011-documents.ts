import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

const DOCUMENTS = sql`
  create table documents (
    collection text collate "C" not null,
    key text collate "C" not null,
    value text collate "C" not null,
    version bigint not null,
    updated bigint not null,
    primary key (collection, key)
  )`

const HEAD = [
  sql`
    create table document_head (
      single boolean primary key default true check (single),
      version bigint not null
    ) with (fillfactor = 10)`,
  sql`insert into document_head (version) values (0)`,
]

export const documents: Migration = {
  async up(db: Kysely<unknown>) {
    for (const statement of [DOCUMENTS, ...HEAD]) await statement.execute(db)
  },
}
