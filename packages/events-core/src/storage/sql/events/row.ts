import type { StoredEvent } from '../../../event/event.ts'
import type { Extensions } from '../../../event/extensions.ts'
import type { JsonObject } from '../../../event/json.ts'
import { formatTimestamp } from '../../../event/timestamp.ts'
import type { EventRow } from '../schema.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Returns the event of a row. If `data`, `tags` or `extensions` cannot be read (damage, or a manual change of the file),
 * the event is still returned, with the stored text in `data.unreadable`: one bad row must end neither pages nor
 * subscriptions, its content does not turn into an empty object, and the event can be found and deleted.
 */
export function eventOf(row: EventRow): StoredEvent {
  const data = parse(row.data)
  const tags = parse(row.tags)
  const extensions = row.extensions === null ? undefined : parse(row.extensions)
  const readable =
    isJsonObject(data) && isTexts(tags) && (row.extensions === null || isExtensions(extensions))
  const event: Mutable<StoredEvent> = {
    id: row.id,
    type: row.type,
    source: row.source,
    target: row.target,
    title: row.title,
    message: row.message,
    data: readable ? data : { unreadable: unreadableOf(row) },
    priority: row.priority,
    tags: readable ? tags : [],
    timestamp: formatTimestamp(row.timestamp),
    position: row.position,
    recorded_at: '',
  }
  addOptionalFields(event, row)
  if (isExtensions(extensions)) event.extensions = extensions
  event.recorded_at = formatTimestamp(row.recorded_at)
  return event
}

function unreadableOf({ data, tags, extensions }: EventRow): JsonObject {
  return { data, tags, ...(extensions !== null && { extensions }) }
}

function addOptionalFields(event: Mutable<StoredEvent>, row: EventRow): void {
  if (row.ttl !== null) event.ttl = row.ttl
  if (row.correlation_id !== null) event.correlation_id = row.correlation_id
  if (row.causation_id !== null) event.causation_id = row.causation_id
  if (row.traceparent !== null) event.traceparent = row.traceparent
}

/** Parses the tags of a row; returns undefined if they cannot be read. */
export function tagsOf(row: Pick<EventRow, 'tags'>): readonly string[] | undefined {
  const tags = parse(row.tags)
  return isTexts(tags) ? tags : undefined
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Applies to results of JSON.parse, which contain no functions, dates or cycles. */
function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function isExtensions(value: unknown): value is Extensions {
  return isJsonObject(value) && Object.values(value).every((item) => typeof item !== 'object')
}
