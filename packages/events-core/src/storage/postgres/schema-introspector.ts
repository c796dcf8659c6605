import { type DatabaseIntrospector, type Kysely, type SchemaMetadata, sql, type TableMetadata } from 'kysely'

/**
 * Lists the tables of the store's schema for Kysely's migrator. Kysely's own introspector reads every column of the whole
 * database, where others may have many tables, and fails if one of them is dropped meanwhile.
 */
export class SchemaIntrospector implements DatabaseIntrospector {
  readonly #db: Kysely<unknown>
  readonly #schema: string

  constructor(db: Kysely<unknown>, schema: string) {
    this.#db = db
    this.#schema = schema
  }

  async getSchemas(): Promise<SchemaMetadata[]> {
    const { rows } = await sql<SchemaMetadata>`
      select nspname::text as name from pg_catalog.pg_namespace where nspname = ${this.#schema}
    `.execute(this.#db)
    return rows
  }

  /** Returns the tables without their columns, which the migrator does not use. */
  async getTables(): Promise<TableMetadata[]> {
    const { rows } = await sql<{ name: string }>`
      select relname::text as name
      from pg_catalog.pg_class join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
      where nspname = ${this.#schema} and relkind in ('r', 'p')
    `.execute(this.#db)
    return rows.map(({ name }) => ({
      name,
      schema: this.#schema,
      isView: false,
      isForeign: false,
      columns: [],
    }))
  }
}
