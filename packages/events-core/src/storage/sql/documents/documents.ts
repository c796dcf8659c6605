import { type Kysely, sql } from 'kysely'
import { formatTimestamp } from '../../../event/timestamp.ts'
import type {
  DocumentAnswer,
  DocumentPage,
  DocumentQuery,
  ExpectedVersion,
  StoredDocument,
} from '../../contract/documents.ts'
import { PageRoom } from '../../page-room.ts'
import type { LogTables } from '../schema.ts'
import { startsWith } from '../search/prefix.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'

/** A change of a document with a checked value. */
export interface DocumentWrite {
  readonly collection: string
  readonly key: string
  /** JSON text; undefined deletes the document. */
  readonly json: string | undefined
  readonly expected?: ExpectedVersion | undefined
}

const COLUMNS = ['key', 'value', 'version', 'updated'] as const

type DocumentRow = Pick<LogTables['documents'], (typeof COLUMNS)[number]>

export async function getDocument(
  { db }: SqlLog,
  collection: string,
  key: string,
): Promise<StoredDocument | undefined> {
  const row = await db
    .selectFrom('documents')
    .select(COLUMNS)
    .where((eb) => eb.and({ collection, key }))
    .executeTakeFirst()
  return row && documentOf(row)
}

export async function listDocuments(
  { db, dialect }: SqlLog,
  collection: string,
  { prefix = '', after, order = 'asc', limit }: DocumentQuery,
): Promise<DocumentPage> {
  const all = db
    .selectFrom('documents')
    .select(COLUMNS)
    .select(sql<number>`octet_length(value)`.as('bytes'))
    .where('collection', '=', collection)
    .where(startsWith('key', prefix))
    .orderBy('key', order)
  const beyond = after === undefined ? all : all.where('key', order === 'asc' ? '>' : '<', after)
  // One more than wanted shows whether there is a next page.
  const room = new PageRoom(limit)
  const found = await dialect.take(db, beyond.limit(limit + 1), { maxBytes: room.bytes, ahead: 1 })
  const rows = found.filter(({ bytes }) => room.take(bytes))
  const last = rows.length < found.length ? rows.at(-1) : undefined
  return { documents: rows.map(documentOf), ...(last && { next: last.key }) }
}

/** Writes or deletes a document if it has the expected version. */
export function writeDocument(call: SqlCall, write: DocumentWrite): Promise<DocumentAnswer> {
  return call.aside(async (db) => {
    const answer = await writeWithin({ ...call, db }, write)
    if (answer.written) await call.dialect.announce(db, write.collection)
    return answer
  })
}

/** Does the same in a transaction. If nothing is written, the assigned version is lost; other writes wait for this one. */
export async function writeWithin(
  { db, nowMs }: Pick<SqlCall, 'db' | 'nowMs'>,
  { collection, key, json, expected }: DocumentWrite,
): Promise<DocumentAnswer> {
  const version = await nextVersion(db)
  if (expected !== undefined) {
    const current = await currentVersion(db, collection, key)
    if (current !== expected) return { written: false, current }
  }
  if (json === undefined) {
    await db
      .deleteFrom('documents')
      .where((eb) => eb.and({ collection, key }))
      .execute()
  } else {
    const latest = { value: json, version, updated: nowMs }
    await db
      .insertInto('documents')
      .values({ collection, key, ...latest })
      .onConflict((conflict) => conflict.columns(['collection', 'key']).doUpdateSet(latest))
      .execute()
  }
  return { written: true, version }
}

async function nextVersion(db: Kysely<LogTables>): Promise<number> {
  const { version } = await db
    .updateTable('document_head')
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .returning('version')
    .executeTakeFirstOrThrow()
  return version
}

async function currentVersion(
  db: Kysely<LogTables>,
  collection: string,
  key: string,
): Promise<ExpectedVersion> {
  const found = await db
    .selectFrom('documents')
    .select('version')
    .where((eb) => eb.and({ collection, key }))
    .executeTakeFirst()
  return found?.version ?? 'absent'
}

function documentOf({ key, value, version, updated }: DocumentRow): StoredDocument {
  return { key, value: JSON.parse(value), version, updated: formatTimestamp(updated) }
}
