import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { countsOf, MINUTE_MS, type Row } from './rows.ts'

const COLUMNS =
  'position, id, type, source, target, priority, timestamp, recorded_at, title, message, tags, data'

/**
 * The limits of PostgreSQL: a batch goes into a store's own tables in one round trip on one connection, with everything
 * that has to be maintained, or by COPY without the counts. No checks, no duplicates, no lock, no bus.
 */
export class RawPostgres {
  readonly #client: pg.Client
  readonly #schema: string
  readonly #append: string
  #position: number

  private constructor(client: pg.Client, schema: string, position: number) {
    this.#client = client
    this.#schema = schema
    this.#append = appendStatement(schema)
    this.#position = position
  }

  /** @param schema of an existing store into which nobody else writes */
  static async connect(url: string, schema: string): Promise<RawPostgres> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query(`select position from ${schema}.log_head`)
    return new RawPostgres(client, schema, Number(rows[0]?.position))
  }

  /** Multi-row insert with all indexes, counts and the notification. */
  async append(rows: readonly Row[], recordedAtMs: number = Date.now()): Promise<void> {
    const first = this.#position + 1
    this.#position += rows.length
    await this.#count(rows, first, recordedAtMs, rows)
  }

  /** @param stored rows that go into the events table in the same statement */
  async #count(
    rows: readonly Row[],
    first: number,
    recordedAtMs: number = Date.now(),
    stored: readonly Row[] = [],
  ): Promise<void> {
    const { byType, byHour, bySource, byTag } = countsOf(rows, first)
    const values = [
      stored.map((_, index) => first + index),
      ...EVENT_COLUMNS.map((column) => stored.map(column)),
      byType.map(({ type }) => type),
      byType.map(({ priority }) => priority),
      byType.map(({ minute }) => minute),
      byType.map(({ count }) => count),
      byType.map((count) => count.first),
      byType.map(({ last }) => last),
      bySource.map(({ source }) => source),
      bySource.map(({ hour }) => hour),
      bySource.map(({ count }) => count),
      recordedAtMs,
      Math.floor(recordedAtMs / MINUTE_MS),
      first,
      this.#position,
      this.#schema,
      byHour.map(({ hour }) => hour),
      byHour.map(({ type }) => type),
      byHour.map(({ priority }) => priority),
      byHour.map(({ count }) => count),
      byTag.map(([tag]) => tag),
      byTag.map(([, count]) => count),
    ]
    await this.#client.query({ name: 'raw append', text: this.#append, values })
  }

  /** Uses COPY for the events table, and one more statement for the counts. */
  async copyCounted(rows: readonly Row[], recordedAtMs?: number): Promise<void> {
    const first = this.#position + 1
    await this.copy(rows, recordedAtMs)
    await this.#count(rows, first, recordedAtMs)
  }

  /** Drops the indexes and returns the statements that create them again. */
  async dropIndexes(): Promise<readonly string[]> {
    const { rows } = await this.#client.query(
      `select indexname, indexdef from pg_indexes
       where schemaname = $1 and tablename = 'events' and indexname like 'events_by_%'`,
      [this.#schema],
    )
    for (const { indexname } of rows) await this.query(`drop index ${this.#schema}.${indexname}`)
    return rows.map(({ indexdef }) => String(indexdef))
  }

  async query(sql: string): Promise<readonly unknown[]> {
    return (await this.#client.query(sql)).rows
  }

  /** Uses COPY for the events table with its indexes, without counts. */
  async copy(rows: readonly Row[], recordedAtMs: number = Date.now()): Promise<void> {
    const lines = rows.map((row) => copyLine(row, ++this.#position, recordedAtMs))
    const stream = this.#client.query(copyFrom(`copy ${this.#schema}.events (${COLUMNS}) from stdin`))
    await pipeline(Readable.from([lines.join('')]), stream)
  }

  /** Inserts one row into the events table with its indexes, committed by itself, without counts. */
  async insertOne(row: Row): Promise<void> {
    await this.#client.query({
      name: 'raw insert',
      text: insertStatement(`${this.#schema}.events`),
      values: insertValues(row, ++this.#position),
    })
  }

  async end(): Promise<void> {
    await this.#client.end()
  }
}

const EVENT_COLUMNS: readonly ((row: Row) => unknown)[] = [
  ({ id }) => id,
  ({ type }) => type,
  ({ source }) => source,
  ({ target }) => target,
  ({ priority }) => priority,
  ({ timestampMs }) => timestampMs,
  ({ title }) => title,
  ({ message }) => message,
  ({ tags }) => new JsonText(JSON.stringify(tags)),
  ({ data }) => new JsonText(data),
]

/** Quotes JSON unchanged for an array of strings. */
class JsonText {
  readonly #json: string
  constructor(json: string) {
    this.#json = json
  }
  toPostgres(): string {
    return this.#json
  }
}

export function insertStatement(table: string): string {
  return `insert into ${table} (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
}

export function insertValues(row: Row, position: number): unknown[] {
  const { id, type, source, target, priority, timestampMs, title, message, tags, data } = row
  return [
    position,
    id,
    type,
    source,
    target,
    priority,
    timestampMs,
    timestampMs,
    title,
    message,
    JSON.stringify(tags),
    data,
  ]
}

/** Columns are in the order of COLUMNS; of our characters, COPY's text format escapes only the backslash. */
function copyLine(row: Row, position: number, recordedAtMs: number): string {
  const values = insertValues(row, position)
  values[7] = recordedAtMs
  return `${values.join('\t').replaceAll('\\', '\\\\')}\n`
}

function appendStatement(schema: string): string {
  return `
    with stored as (
      insert into ${schema}.events (${COLUMNS})
      select position, id, type, source, target, priority, timestamp, $21, title, message, tags::jsonb, data::json
      from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bigint[],
        $8::text[], $9::text[], $10::text[], $11::text[])
        as batch(position, id, type, source, target, priority, timestamp, title, message, tags, data)
    ), by_type as (
      insert into ${schema}.type_counts as counts (type, priority, count)
      select type, priority, sum(count)
      from unnest($12::text[], $13::integer[], $15::bigint[]) as batch(type, priority, count)
      group by type, priority
      on conflict (type, priority) do update set count = counts.count + excluded.count
    ), by_minute as (
      insert into ${schema}.minute_counts as counts
        (minute, type, priority, count, first_position, last_position)
      select minute, type, priority, count, first_position, last_position
      from unnest($14::bigint[], $12::text[], $13::integer[], $15::bigint[], $16::bigint[], $17::bigint[])
        as batch(minute, type, priority, count, first_position, last_position)
      on conflict (minute, type, priority) do update
        set count = counts.count + excluded.count, last_position = excluded.last_position
    ), by_type_and_hour as (
      insert into ${schema}.hour_counts as counts (hour, type, priority, count)
      select * from unnest($26::bigint[], $27::text[], $28::integer[], $29::bigint[])
      on conflict (hour, type, priority) do update set count = counts.count + excluded.count
    ), by_tag as (
      insert into ${schema}.tag_counts as counts (tag, count)
      select * from unnest($30::text[], $31::bigint[])
      on conflict (tag) do update set count = counts.count + excluded.count
    ), by_source as (
      insert into ${schema}.source_counts as counts (source, count)
      select source, sum(count) from unnest($18::text[], $20::bigint[]) as batch(source, count) group by source
      on conflict (source) do update set count = counts.count + excluded.count
    ), by_hour as (
      insert into ${schema}.hour_source_counts as counts (hour, source, count)
      select hour, source, count
      from unnest($19::bigint[], $18::text[], $20::bigint[]) as batch(hour, source, count)
      on conflict (hour, source) do update set count = counts.count + excluded.count
    ), by_recording as (
      insert into ${schema}.recorded_minutes (minute, first_position, last_position)
      values ($22::bigint, $23::bigint, $24::bigint)
      on conflict (minute) do update set last_position = excluded.last_position
    ), moved as (
      update ${schema}.log_head set position = $24
    )
    select pg_notify($25, '')`
}
