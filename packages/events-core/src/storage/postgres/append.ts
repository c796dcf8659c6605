import pg from 'pg'
import { formatTimestamp } from '../../timestamp.ts'
import type { AppendReceipt, AppendResult, EventRecord } from '../storage.ts'
import type { Connections } from './connections.ts'
import type { PostgresSettings } from './settings.ts'
import { JsonParameter } from './values.ts'

export interface AppenderOptions {
  readonly connections: Connections
  readonly settings: PostgresSettings
  /** Goes with the notification, so that those who wait can tell others' appends from their own. */
  readonly origin: string
}

/** Appends batches, each by one call of a function: one round trip, one transaction. */
export class Appender {
  readonly #connections: Connections
  readonly #lockTimeoutMs: number
  readonly #origin: string
  readonly #statement: string

  constructor({ connections, settings, origin }: AppenderOptions) {
    this.#connections = connections
    this.#lockTimeoutMs = settings.statementTimeoutMs
    this.#origin = origin
    const parameters = Array.from({ length: 18 }, (_, index) => `$${index + 1}`)
    this.#statement = `select ${pg.escapeIdentifier(settings.schema)}.append_events(${parameters}) as positions`
  }

  async append(records: readonly EventRecord[], nowMs: number): Promise<AppendResult> {
    const recordedAt = formatTimestamp(nowMs)
    if (records.length === 0) return { recordedAt, receipts: [] }
    const values = [...columnsOf(records), nowMs, this.#lockTimeoutMs, this.#origin]
    const connection = await this.#connections.take()
    try {
      const call = { sql: this.#statement, parameters: values }
      const { rows } = await connection.executeQuery<{ positions: readonly number[] }>(call)
      return { recordedAt, receipts: (rows[0]?.positions ?? []).map(receiptOf) }
    } finally {
      this.#connections.giveBack(connection)
    }
  }
}

/** A column at a time: some 10 % cheaper for the server than one JSON document of all. */
function columnsOf(records: readonly EventRecord[]): unknown[][] {
  const column = (of: (record: EventRecord) => unknown) => records.map(of)
  return [
    column(({ event }) => event.id),
    column(({ event }) => event.type),
    column(({ event }) => event.source),
    column(({ event }) => event.target),
    column(({ event }) => event.priority),
    column(({ timestampMs }) => timestampMs),
    column(({ expiresAtMs }) => expiresAtMs),
    column(({ event }) => event.ttl ?? null),
    column(({ event }) => event.correlation_id ?? null),
    column(({ event }) => event.causation_id ?? null),
    column(({ event }) => event.traceparent ?? null),
    column(({ event }) => event.title),
    column(({ event }) => event.message),
    column(({ event }) => new JsonParameter(JSON.stringify(event.tags))),
    column(({ dataJson }) => new JsonParameter(dataJson)),
  ]
}

/** The function marks duplicates by a minus. */
function receiptOf(position: number): AppendReceipt {
  return { position: Math.abs(position), duplicate: position < 0 }
}
