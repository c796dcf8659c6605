import {
  type Expression,
  type ExpressionBuilder,
  expressionBuilder,
  type Kysely,
  type SqlBool,
  sql,
} from 'kysely'
import { createEventId } from '../../../event/id.ts'
import { formatTimestamp } from '../../../event/timestamp.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterPage, Failure } from '../../contract/dead-letters.ts'
import { PageRoom } from '../../page-room.ts'
import type { LogTables } from '../schema.ts'
import type { SqlCall, SqlLog } from '../sql-log.ts'
import type { DeadLettersTable } from './tables.ts'

const eb = expressionBuilder<LogTables, 'dead_letters'>()

export interface DeadLetterQuery {
  readonly filter?: DeadLetterFilter
  readonly limit: number
  readonly after?: string
}

/** The size that a dead letter adds to a page. */
const BYTES = sql<number>`octet_length(cast(event as text)) + octet_length(cast(failure as text))`

/** Stores a failure. An existing dead letter for the event gets the new error, and the attempts are added. */
export async function keepFailure(
  { db, nowMs }: Pick<SqlCall, 'db' | 'nowMs'>,
  failure: Failure,
): Promise<void> {
  const { subscription, event, error, stack, attempts } = failure
  const latest = {
    event: JSON.stringify(event),
    failure: JSON.stringify({ error, stack }),
    last_failed_at: nowMs,
    retrying: 0,
  }
  const key = { subscription, event_id: event.id }
  await db
    .insertInto('dead_letters')
    .values({
      ...latest,
      ...key,
      id: createEventId(nowMs),
      type: event.type,
      attempts,
      first_failed_at: nowMs,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['subscription', 'event_id'])
        .doUpdateSet((set) => ({ ...latest, attempts: set('dead_letters.attempts', '+', attempts) })),
    )
    .execute()
}

/** Returns a page of dead letters, newest first, and their total number. */
export function listDeadLetters(log: SqlLog, query: DeadLetterQuery): Promise<DeadLetterPage> {
  const { filter = {}, limit, after } = query
  return log.snapshot(async (db) => {
    const newestFirst = db
      .selectFrom('dead_letters')
      .selectAll()
      .select(BYTES.as('bytes'))
      .where(matching(filter))
      .orderBy('id', 'desc')
    const beyond = after === undefined ? newestFirst : newestFirst.where('id', '<', after)
    // One more than wanted shows whether there is a next page.
    const room = new PageRoom(limit)
    const found = await log.dialect.take(db, beyond.limit(limit + 1), { maxBytes: room.bytes, ahead: 1 })
    const rows = found.filter(({ bytes }) => room.take(bytes))
    const last = rows.length < found.length ? rows.at(-1) : undefined
    return {
      deadLetters: rows.map(deadLetterOf),
      total: await count(db, filter),
      ...(last && { next: last.id }),
    }
  })
}

export async function deleteDeadLetters({ db }: SqlLog, filter: DeadLetterFilter): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('dead_letters')
    .where(matching(filter))
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

/** Requests a retry of matching dead letters without a pending one, oldest first, up to a limit. */
export async function requestRetry({ db }: SqlLog, filter: DeadLetterFilter, limit: number): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('dead_letters')
    .set({ retrying: 1 })
    .where('id', 'in', (query) =>
      query
        .selectFrom('dead_letters')
        .select('id')
        .where(matching(filter))
        .where('retrying', '=', 0)
        .orderBy('id')
        .limit(limit),
    )
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

export async function cancelRetry({ db }: SqlLog, filter: DeadLetterFilter): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('dead_letters')
    .set({ retrying: 0 })
    .where(matching(filter))
    .where(isRetrying)
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

/** Returns a subscription's dead letters with a pending retry, oldest first. */
export async function listRetryRequests(
  { db }: SqlLog,
  subscription: string,
  limit: number,
): Promise<readonly DeadLetter[]> {
  const rows = await db
    .selectFrom('dead_letters')
    .selectAll()
    .where('subscription', '=', subscription)
    .where(isRetrying)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(deadLetterOf)
}

/** Part of the query's text, not a bound parameter: otherwise SQLite would not use the partial index. */
function isRetrying(letters: ExpressionBuilder<LogTables, 'dead_letters'>): Expression<SqlBool> {
  return letters('retrying', '=', letters.lit(1))
}

function matching({ id, subscription, type }: DeadLetterFilter): Expression<SqlBool> {
  const all: Expression<SqlBool>[] = []
  if (id !== undefined) all.push(eb('id', '=', id))
  if (subscription !== undefined) all.push(eb('subscription', '=', subscription))
  if (type !== undefined) all.push(eb('type', '=', type))
  return eb.and(all)
}

async function count(db: Kysely<LogTables>, filter: DeadLetterFilter): Promise<number> {
  const query = db.selectFrom('dead_letters').where(matching(filter))
  return (await query.select((all) => all.fn.countAll<number>().as('count')).executeTakeFirstOrThrow()).count
}

function deadLetterOf(row: DeadLettersTable): DeadLetter {
  const { error, stack }: Pick<DeadLetter, 'error' | 'stack'> = JSON.parse(row.failure)
  return {
    id: row.id,
    subscription: row.subscription,
    event: JSON.parse(row.event),
    error,
    stack,
    attempts: row.attempts,
    first_failed_at: formatTimestamp(row.first_failed_at),
    last_failed_at: formatTimestamp(row.last_failed_at),
    retrying: row.retrying !== 0,
  }
}
