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

/** A row that says how large it is. */
export interface Sized {
  readonly bytes: number
}

export interface TakeLimits {
  readonly maxBytes: number
  readonly ahead: 0 | 1
}

/** What differs between databases. Each predicate is one over a row of `events`. */
export interface SqlDialect {
  /** Whether the text is one of at most 1,000, which databases do not take as so many parameters of a query. */
  isOneOf(column: 'type' | 'source' | 'key', texts: readonly string[]): Expression<SqlBool>
  /** Whether the text begins as one of at most 1,000 prefixes does, code point by code point. */
  startsWithAny(column: 'type' | 'source', prefixes: readonly string[]): Expression<SqlBool>
  /** Whether indexes find what `hasExtensions` and `dataContains` ask for. */
  readonly hasDataIndex: boolean
  /** Whether the event has all the extensions, as `compileExtensions` has it. */
  hasExtensions(extensions: Extensions): Expression<SqlBool>
  /** Whether `data` contains the object, as `containsJson` has it. */
  dataContains(part: JsonObject): Expression<SqlBool>
  /** Whether `title` or `message` contains the text, as `compileText` has it. */
  textContains(text: string): Expression<SqlBool>
  /** Whether the event has the tag, or one of them. Only events of `range` are asked about. */
  taggedAny(tags: readonly string[], range: Range): Expression<SqlBool>
  /** Whether a row of `expired_events` has the tag. There are few, however many events have it. */
  isExpiredTagged(tag: string): Expression<SqlBool>
  /**
   * Runs a query up to the row that reaches `maxBytes`, and `ahead` rows more, so that the others are not even read.
   */
  take<R extends Sized>(
    db: Kysely<LogTables>,
    query: SelectQueryBuilder<LogTables, keyof LogTables, R>,
    limits: TakeLimits,
  ): Promise<R[]>
  /** Stores events, in the transaction that `db` is or in one of its own. */
  append(db: Kysely<LogTables>, rows: readonly AppendRow[], nowMs: number): Promise<AppendResult>
  /** The store's time, by which events are recorded. @param nowMs the time of this process */
  clock(nowMs: number): AliasableExpression<number>
  /** Stores states in place of those of the same keys. */
  putStates(db: Kysely<LogTables>, rows: readonly StateRow[]): Promise<void>
  /** Tells other processes, when the transaction is committed, that documents of a collection were written. */
  announce(db: Kysely<LogTables>, collection: string): Promise<void>
  /** Brings in step what is kept about events (counts, tags), within the transaction that deleted them. */
  forget(transaction: Transaction<LogTables>, gone: readonly CountedRow[]): Promise<void>
}

/** The database as the shared queries use it. */
export interface SqlLog {
  readonly db: Kysely<LogTables>
  readonly dialect: SqlDialect
  readonly pace: Pace
  /** Runs reads that must all see the same state. */
  snapshot<T>(work: (db: Kysely<LogTables>) => Promise<T>): Promise<T>
  /** Runs writes that must all happen or none, and that change no event: appends do not wait for them. */
  aside<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T>
  /** The same for writes that change events; appends wait. */
  transaction<T>(work: (transaction: Transaction<LogTables>) => Promise<T>): Promise<T>
}

/** The database for one operation. */
export interface SqlCall extends SqlLog {
  /** The time, in milliseconds since 1970, when it was asked for. */
  readonly nowMs: number
}
