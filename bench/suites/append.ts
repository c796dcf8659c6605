// Acknowledged appends with default durability and all indexes, compared with the store's own limit and other libraries.
import type { Report } from '../harness/report.ts'
import type { Settings } from '../harness/settings.ts'
import { appendToPostgres } from './append/postgres.ts'
import { appendToSqlite } from './append/sqlite.ts'

export async function suite(report: Report, settings: Settings): Promise<void> {
  if (settings.stores.includes('sqlite')) await appendToSqlite(report, settings)
  if (settings.stores.includes('postgres')) await appendToPostgres(report, settings)
}
