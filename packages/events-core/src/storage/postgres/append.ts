import { CompiledQuery, type Kysely } from 'kysely'
import pg from 'pg'
import { formatTimestamp } from '../../event/timestamp.ts'
import type { AppendReceipt, AppendResult } from '../contract/storage.ts'
import { Tally } from '../sql/counts/tally.ts'
import { type AppendRow, COLUMN } from '../sql/events/append-row.ts'
import type { LogTables } from '../sql/schema.ts'
import { JsonParameter, jsonSequence } from './codec/values.ts'
import type { PostgresSettings } from './settings.ts'
import { timeLimits } from './transaction-settings.ts'

/** The function's result: the position before the first event, or the positions of ids that are already stored. */
interface Answer {
  readonly head: number
  readonly known: readonly (number | null)[] | null
  /** The time at which the events were recorded, in milliseconds since 1970. */
  readonly recorded: number
}

/** The function's parameters: columns of events, counts, three single values, and the column of extensions. */
const PARAMETERS = Array.from({ length: 30 }, (_, index) => `$${index + 1}`)

/**
 * Appends batches, each by one call of a function: one round trip, one transaction; one more call if some ids were already
 * stored.
 */
export class Appender {
  readonly #lockTimeoutMs: number
  readonly #origin: string
  readonly #statement: string
  readonly #serverClock: boolean

  constructor({ schema, serverClock, statementTimeoutMs }: PostgresSettings, origin: string) {
    this.#lockTimeoutMs = timeLimits(statementTimeoutMs).lockMs
    this.#origin = origin
    this.#serverClock = serverClock
    this.#statement = `select head, known, recorded_ms as recorded from ${pg.escapeIdentifier(schema)}.append_events(${PARAMETERS})`
  }

  async append(db: Kysely<LogTables>, rows: readonly AppendRow[], nowMs: number): Promise<AppendResult> {
    if (rows.length === 0) return { recordedAt: formatTimestamp(nowMs), receipts: [] }
    const fresh = firstOfEach(rows)
    const known = new Map<string, number>()
    let last = 0
    let recorded = 0
    while (fresh.size > 0) {
      const answer = await this.#call(db, [...fresh.values()], nowMs)
      last = answer.head
      recorded = answer.recorded
      if (answer.known === null) break
      setAside(fresh, known, answer.known)
    }
    return { recordedAt: formatTimestamp(recorded), receipts: receiptsOf(rows, known, last) }
  }

  async #call(db: Kysely<LogTables>, rows: readonly AppendRow[], nowMs: number): Promise<Answer> {
    // With null the server uses its own clock.
    const recordedMs = this.#serverClock ? null : nowMs
    const parameters = [
      ...columnsOf(rows),
      ...countsOf(rows),
      recordedMs,
      this.#lockTimeoutMs,
      this.#origin,
      extensionsOf(rows),
    ]
    const { rows: answers } = await db.executeQuery<Answer>(CompiledQuery.raw(this.#statement, parameters))
    const [answer] = answers
    if (answer === undefined) throw new Error('append_events returned no row')
    return answer
  }
}

function firstOfEach(rows: readonly AppendRow[]): Map<string, AppendRow> {
  const first = new Map<string, AppendRow>()
  for (const row of rows) if (!first.has(row[COLUMN.id])) first.set(row[COLUMN.id], row)
  return first
}

/**
 * Separates records that are already stored. @param positions the stored positions, in the order of the fresh records; null
 * for those that are not stored
 */
function setAside(
  fresh: Map<string, AppendRow>,
  known: Map<string, number>,
  positions: NonNullable<Answer['known']>,
): void {
  for (const [index, id] of [...fresh.keys()].entries()) {
    const position = positions[index]
    if (position == null) continue
    known.set(id, position)
    fresh.delete(id)
  }
}

/** @param known the positions of ids that were already stored @param head the position before the first new event */
function receiptsOf(rows: readonly AppendRow[], known: Map<string, number>, head: number): AppendReceipt[] {
  let last = head
  return rows.map((row) => {
    const id = row[COLUMN.id]
    const position = known.get(id)
    if (position !== undefined) return { position, duplicate: true }
    known.set(id, ++last)
    return { position: last, duplicate: false }
  })
}

/** Passes an array per column, which is some 10 % cheaper for the server than one JSON document. */
function columnsOf(rows: readonly AppendRow[]): unknown[] {
  const column = (name: keyof typeof COLUMN) => rows.map((row) => row[COLUMN[name]])
  return [
    column('id'),
    column('type'),
    column('source'),
    column('target'),
    column('priority'),
    column('timestamp'),
    column('expiresAt'),
    column('ttl'),
    column('correlationId'),
    column('causationId'),
    column('traceparent'),
    column('title'),
    column('message'),
    jsonSequence(rows.map((row) => JSON.stringify(row[COLUMN.tags]))),
    jsonSequence(rows.map((row) => row[COLUMN.data])),
  ]
}

/** Returns null if no event has extensions, the usual case. */
function extensionsOf(rows: readonly AppendRow[]): unknown {
  const column = rows.map((row) => row[COLUMN.extensions])
  if (column.every((json) => json === null)) return null
  return column.map((json) => (json === null ? null : new JsonParameter(json)))
}

/** Returns the amounts that the batch adds to the kept counts; positions are those in the batch, from 1. */
function countsOf(rows: readonly AppendRow[]): unknown[][] {
  const tally = new Tally()
  rows.forEach((row, index) => {
    tally.add({
      position: index + 1,
      type: row[COLUMN.type],
      source: row[COLUMN.source],
      priority: row[COLUMN.priority],
      tags: row[COLUMN.tags],
      timestamp: row[COLUMN.timestamp],
    })
  })
  const types = [...tally.byType]
  const sources = [...tally.bySource]
  const tags = [...tally.byTag]
  return [
    types.map(({ minute }) => minute),
    types.map(({ type }) => type),
    types.map(({ priority }) => priority),
    types.map(({ count }) => count),
    types.map(({ firstPosition }) => firstPosition),
    types.map(({ lastPosition }) => lastPosition),
    sources.map(({ hour }) => hour),
    sources.map(({ source }) => source),
    sources.map(({ count }) => count),
    tags.map(([tag]) => tag),
    tags.map(([, positions]) => positions.length),
  ]
}
