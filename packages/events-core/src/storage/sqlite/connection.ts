import Database from 'better-sqlite3'
import { Kysely } from 'kysely'
import { EventsError } from '../../errors.ts'
import type { LogTables } from '../sql/schema.ts'
import { createFile } from './file/access.ts'
import { APPLICATION_ID } from './file/application-id.ts'
import { sqliteKyselyDialect } from './kysely-dialect.ts'
import type { ThreadSettings } from './thread/messages.ts'

/** One connection, as the driver and as Kysely present it. */
export interface Connection {
  readonly file: Database.Database
  readonly db: Kysely<LogTables>
}

/** Opens the file for the writer thread, and creates it if there is none. */
export function connectWriter(settings: ThreadSettings): Connection {
  createFile(settings.path)
  const file = new Database(settings.path, { timeout: settings.busyTimeoutMs })
  try {
    refuseForeign(file)
    prepareFile(file, settings)
    return { file, db: kyselyOf(file, 'begin immediate') }
  } catch (error) {
    file.close()
    throw error
  }
}

/** Opens the file, which must exist, for the reader thread. */
export function connectReader(settings: ThreadSettings): Connection {
  const file = new Database(settings.path, { timeout: settings.busyTimeoutMs, fileMustExist: true })
  try {
    refuseForeign(file)
    file.pragma('query_only = on')
    limitMemory(file)
    return { file, db: kyselyOf(file, 'begin') }
  } catch (error) {
    file.close()
    throw error
  }
}

function kyselyOf(file: Database.Database, begin: 'begin' | 'begin immediate'): Kysely<LogTables> {
  return new Kysely<LogTables>({ dialect: sqliteKyselyDialect(file, begin) })
}

/** Runs before any change: a database that is not an event store must stay unchanged. */
function refuseForeign(file: Database.Database): void {
  // In one transaction, since another process may be creating the store at this moment.
  const { id, objects } = file.transaction(() => ({
    id: file.pragma('application_id', { simple: true }),
    objects: file.prepare('select count(*) from sqlite_schema').pluck().get(),
  }))()
  if (id === APPLICATION_ID || objects === 0) return
  throw new EventsError(
    'EVENTS_STORAGE_CORRUPT',
    `${file.name} is a database, but not an event store: name another file`,
  )
}

function prepareFile(file: Database.Database, { synchronous, maxBytes }: ThreadSettings): void {
  // Before the journal mode, which writes the first page. In a file with pages it would be a useless write.
  if (file.pragma('page_count', { simple: true }) === 0) file.pragma('auto_vacuum = incremental')
  if (file.pragma('journal_mode = wal', { simple: true }) !== 'wal') throw noLog(file.name)
  file.pragma(`synchronous = ${synchronous}`)
  // Twice the size that the log usually reaches before it is copied and restarted.
  file.pragma(`journal_size_limit = ${8 * 1024 * 1024}`)
  limitMemory(file)
  if (maxBytes !== undefined) {
    const pageSize = Number(file.pragma('page_size', { simple: true }))
    file.pragma(`max_page_count = ${Math.floor(maxBytes / pageSize)}`)
  }
}

function noLog(path: string): EventsError {
  return new EventsError(
    'EVENTS_STORAGE_FAILED',
    `the event store ${path} cannot have a write-ahead log where it is: put it on a local disk`,
  )
}

function limitMemory(file: Database.Database): void {
  // Negative means KiB. The operating system caches the file too.
  file.pragma('cache_size = -8000')
  file.pragma('temp_store = memory')
  // Views and triggers that others have added to the file must not call functions.
  file.pragma('trusted_schema = off')
}
