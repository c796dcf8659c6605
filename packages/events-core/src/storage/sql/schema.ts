import type { DocumentTables } from './documents/tables.ts'
import type { StateTables } from './state/tables.ts'
import type { SubscriptionTables } from './subscriptions/tables.ts'

/** An event as a row: times in milliseconds since 1970, `data`, `tags` and `extensions` as JSON text, null where a field is absent. */
export interface EventRow {
  readonly position: number
  readonly id: string
  readonly type: string
  readonly source: string
  readonly target: string
  readonly title: string
  readonly message: string
  readonly data: string
  readonly priority: number
  readonly tags: string
  readonly timestamp: number
  readonly ttl: number | null
  readonly correlation_id: string | null
  readonly causation_id: string | null
  readonly traceparent: string | null
  readonly extensions: string | null
  readonly recorded_at: number
}

interface EventsTable extends EventRow {
  /** Visible while the time is below; null for ever. */
  readonly expires_at: number | null
}

/** One row. It gives out positions, so whoever appends holds it locked until the commit. */
interface LogHeadTable {
  readonly position: number
  readonly epoch: string
  /** When the last event was recorded, or a later time that was declared as reached: no event is recorded before it. */
  readonly recorded: number
}

/** Below the position retention may have removed events of the type, or pattern of types: see `KeptFrom`. */
interface KeptFromTable {
  readonly type: string
  readonly position: number
}

/** How many events are stored, expired ones that were not swept included. */
interface TypeCountsTable {
  readonly type: string
  readonly priority: number
  readonly count: number
}

interface SourceCountsTable {
  readonly source: string
  readonly count: number
}

/**
 * The same by minute of `timestamp`. All events of a row lie between its two positions; deletes leave these as they
 * are, so they are bounds and no more.
 */
interface MinuteCountsTable extends TypeCountsTable {
  readonly minute: number
  readonly first_position: number
  readonly last_position: number
}

interface HourSourceCountsTable extends SourceCountsTable {
  readonly hour: number
}

interface HourCountsTable extends TypeCountsTable {
  readonly hour: number
}

interface TagCountsTable {
  readonly tag: string
  readonly count: number
}

/**
 * Between which positions lies what was recorded in a minute. One row per batch instead of an index entry per event;
 * and unlike "the oldest come first" it holds when the clock was set back.
 */
interface RecordedMinutesTable {
  readonly minute: number
  readonly first_position: number
  readonly last_position: number
}

/** The tables that the shared queries know; where tags are found by is the dialect's own. */
export interface LogTables extends SubscriptionTables, StateTables, DocumentTables {
  readonly events: EventsTable
  readonly log_head: LogHeadTable
  readonly kept_from: KeptFromTable
  readonly type_counts: TypeCountsTable
  readonly source_counts: SourceCountsTable
  readonly minute_counts: MinuteCountsTable
  readonly hour_counts: HourCountsTable
  readonly hour_source_counts: HourSourceCountsTable
  readonly tag_counts: TagCountsTable
  readonly recorded_minutes: RecordedMinutesTable
}

/** In the order in which the fields of an event are shown. */
export const EVENT_COLUMNS = [
  'id',
  'type',
  'source',
  'target',
  'title',
  'message',
  'data',
  'priority',
  'tags',
  'timestamp',
  'ttl',
  'correlation_id',
  'causation_id',
  'traceparent',
  'extensions',
  'position',
  'recorded_at',
] as const satisfies readonly (keyof EventRow)[]

/** What the counts are kept by, and what a delete therefore has to know of its events. */
export const COUNTED_COLUMNS = [
  'position',
  'type',
  'source',
  'priority',
  'tags',
  'timestamp',
] as const satisfies readonly (keyof EventRow)[]

export type CountedRow = Pick<EventRow, (typeof COUNTED_COLUMNS)[number]>

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
