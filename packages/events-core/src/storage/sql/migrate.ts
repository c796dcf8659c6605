import type { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { EventsError } from '../../errors.ts'
import type { LogTables } from './schema.ts'
import type { SqlLog } from './sql-log.ts'

const MIGRATIONS_TABLE = 'kysely_migration'

export interface MigrationTarget extends Pick<SqlLog, 'db' | 'transaction'> {
  /** The schema of the tables, in databases that have schemas. */
  readonly schema?: string
}

/**
 * Migrates the tables in one transaction. Several processes may call it at the same time if the database runs only one of
 * these transactions at a time.
 * @param migrations the migrations by name, in the order of names
 * @param place names the store in messages
 * @throws EventsError EVENTS_STORAGE_FAILED if the tables are those of a newer version
 */
export async function migrate(
  { db, transaction, schema }: MigrationTarget,
  migrations: Readonly<Record<string, Migration>>,
  place: string,
): Promise<void> {
  const applied = await appliedMigrations(db)
  const unknown = applied.find((name) => !Object.hasOwn(migrations, name))
  if (unknown !== undefined) throw newerVersion(unknown, place)
  // Without this check, a read-only store could not be opened.
  if (applied.length === Object.keys(migrations).length) return
  await transaction(async (db) => {
    const within = schema === undefined ? {} : { migrationTableSchema: schema }
    const provider = { getMigrations: async () => ({ ...migrations }) }
    const { error } = await new Migrator({ db, provider, ...within }).migrateToLatest()
    if (error !== undefined) throw error
  })
}

function newerVersion(migration: string, place: string): EventsError {
  return new EventsError(
    'EVENTS_STORAGE_FAILED',
    `the event store ${place} was written by a newer version of @viewra/events-core (it has '${migration}'): use that version, or another store`,
  )
}

async function appliedMigrations(db: Kysely<LogTables>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === MIGRATIONS_TABLE)) return []
  const rows = await db
    .withTables<{ [MIGRATIONS_TABLE]: { name: string } }>()
    .selectFrom(MIGRATIONS_TABLE)
    .select('name')
    .execute()
  return rows.map((row) => row.name)
}
