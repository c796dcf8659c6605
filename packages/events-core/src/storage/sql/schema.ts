import type { DocumentTables } from './documents/tables.ts'
import type { StateTables } from './state/tables.ts'
import type { SubscriptionTables } from './subscriptions/tables.ts'

/**
 * A row of an event: times in milliseconds since 1970, `data`, `tags` and `extensions` as JSON text, null for absent
 * fields.
 */
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
  /** The time at which the event stops being visible; null for never. */
  readonly expires_at: number | null
}

/** A single row, from which positions are assigned, so each append locks it until the commit. */
interface LogHeadTable {
  readonly position: number
  readonly epoch: string
  /**
   * The time of the last recorded event, or a later one that a commit's condition required: no event is recorded before it.
   */
  readonly recorded: number
}

/** The kept-from position of a type or a pattern of types: see `KeptFrom`. */
interface KeptFromTable {
  readonly type: string
  readonly position: number
}

/** Counts of stored events, including expired ones that are not swept yet. */
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
 * The same counts by minute of `timestamp`. All events of a row lie between its two positions, which are only bounds, since
 * deletes do not change them.
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
 * The range of positions of the events recorded in a minute: one row per batch instead of an index entry per event. It
 * stays right if the clock was set back.
 */
interface RecordedMinutesTable {
  readonly minute: number
  readonly first_position: number
  readonly last_position: number
}

/** The tables that the shared queries use; each dialect has its own index of tags. */
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

/** The columns of an event, in the order in which its fields are shown. */
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

/** The columns by which counts are kept, and which a delete therefore reads of its events. */
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
