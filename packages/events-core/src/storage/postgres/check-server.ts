import { type Kysely, sql } from 'kysely'
import { EventsError } from '../../errors.ts'
import type { LogTables } from '../sql/schema.ts'

/** The oldest version with which the tests run. */
const OLDEST_MAJOR = 14

interface Server {
  readonly version: number
  readonly encoding: string
}

/**
 * Rejects a server that is too old, and a database whose encoding lacks characters: it would reject some events, or store
 * them as bytes in which searches find nothing.
 * @throws EventsError EVENTS_STORAGE_FAILED
 */
export async function checkServer(db: Kysely<LogTables>, place: string): Promise<void> {
  const { rows } = await sql<Server>`
    select current_setting('server_version_num')::integer as version, current_setting('server_encoding') as encoding
  `.execute(db)
  for (const { version, encoding } of rows) {
    const major = Math.floor(version / 10_000)
    if (major < OLDEST_MAJOR) {
      throw refusal(place, `runs PostgreSQL ${major}: upgrade the server to ${OLDEST_MAJOR} or newer`)
    }
    if (encoding !== 'UTF8') {
      throw refusal(
        place,
        `has the encoding ${encoding}, which cannot store every text: use a database created by "create database events encoding 'UTF8' locale 'C' template template0"`,
      )
    }
  }
}

function refusal(place: string, problem: string): EventsError {
  return new EventsError('EVENTS_STORAGE_FAILED', `the event store ${place} ${problem}`)
}
