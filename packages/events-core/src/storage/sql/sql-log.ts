import type {
  AliasableExpression,
  Expression,
  Kysely,
  SelectQueryBuilder,
  SqlBool,
  Transaction,
} from 'kysely'
import type { Extensions } from '../../event/extensions.ts'
import type { JsonObject } from '../../event/json.ts'
import type { AppendResult } from '../contract/storage.ts'
import type { AppendRow } from './events/append-row.ts'
import type { CountedRow, LogTables } from './schema.ts'
import type { Pace, Range } from './search/windows.ts'
import type { StateRow } from './state/tables.ts'

/** A row with its size. */
export interface Sized {
  readonly bytes: number
}

export interface TakeLimits {
  readonly maxBytes: number
  readonly ahead: 0 | 1
}

/** The differences between databases. Each predicate applies to a row of `events`. */
export interface SqlDialect {
  /** Tests whether the column equals one of at most 1,000 strings, which would be too many parameters of a query. */
  isOneOf(column: 'type' | 'source' | 'key', texts: readonly string[]): Expression<SqlBool>
  /** Tests whether the column begins with one of at most 1,000 prefixes, compared by code point. */
  startsWithAny(column: 'type' | 'source', prefixes: readonly string[]): Expression<SqlBool>
  /** True if indexes serve `hasExtensions` and `dataContains`. */
  readonly hasDataIndex: boolean
  /** Tests whether the event has all the extensions, like `compileExtensions`. */
  hasExtensions(extensions: Extensions): Expression<SqlBool>
  /** Tests whether `data` contains the object, like `containsJson`. */
  dataContains(part: JsonObject): Expression<SqlBool>
  /** Tests whether `title` or `message` contains the text, like `compileText`. */
  textContains(text: string): Expression<SqlBool>
  /** Tests whether the event has one of the tags. Applied only to events of `range`. */
  taggedAny(tags: readonly string[], range: Range): Expression<SqlBool>
  /** Tests whether a row of `expired_events` has the tag. These rows are few, however many events have the tag. */
  isExpiredTagged(tag: string): Expression<SqlBool>
  /** Runs a query up to the row that reaches `maxBytes` and `ahead` more rows; further rows are not even read. */
  take<R extends Sized>(
    db: Kysely<LogTables>,
    query: SelectQueryBuilder<LogTables, keyof LogTables, R>,
    limits: TakeLimits,
  ): Promise<R[]>
  /** Stores events, in the transaction `db` or, if it is none, in a new one. */
  append(db: Kysely<LogTables>, rows: readonly AppendRow[], nowMs: number): Promise<AppendResult>
  /** Returns the store's time, at which events are recorded. @param nowMs the time of this process */
  clock(nowMs: number): AliasableExpression<number>
  /** Stores states, replacing those of the same keys. */
  putStates(db: Kysely<LogTables>, rows: readonly StateRow[]): Promise<void>
  /** Notifies other processes on commit that documents of a collection were written. */
  announce(db: Kysely<LogTables>, collection: string): Promise<void>
  /** Updates the counts and tags kept about deleted events, within the transaction that deleted them. */
  forget(transaction: Transaction<LogTables>, gone: readonly CountedRow[]): Promise<void>
}

/** The database, as the shared queries use it. */
export interface SqlLog {
  readonly db: Kysely<LogTables>
  readonly dialect: SqlDialect
  readonly pace: Pace
  /** Runs reads that all see the same state. */
  snapshot<T>(work: (db: Kysely<LogTables>) => Promise<T>): Promise<T>
  /** Runs writes in a transaction that changes no events, for which appends do not wait. */
  aside<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T>
  /** Runs writes in a transaction that may change events, for which appends wait. */
  transaction<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T>
}

/** The database for one operation. */
export interface SqlCall extends SqlLog {
  /** The time of the call, in milliseconds since 1970. */
  readonly nowMs: number
}
