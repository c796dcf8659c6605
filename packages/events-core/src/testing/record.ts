import { type Issue, invalid } from '../errors.ts'
import type { PublishedEvent } from '../event/event.ts'
import { createEventId } from '../event/id.ts'
import { copyJsonObject } from '../event/json.ts'
import { formatTimestamp, parseTimestamp, TIMESTAMP_RULE } from '../event/timestamp.ts'
import type { EventRecord } from '../storage/contract/storage.ts'

/** The fields that a test sets; the others have defaults: a new id, type `test.event`, source `test`, the start of 2030. */
export type RecordFields = Partial<Omit<PublishedEvent, 'position' | 'recorded_at'>>

const DEFAULTS = {
  type: 'test.event',
  source: 'test',
  target: '',
  title: '',
  message: '',
  priority: 5,
  timestamp: '2030-01-01T00:00:00.000Z',
}

/**
 * Returns a record as the bus passes it to a store.
 * @throws EventsError EVENTS_INVALID if `data` is not JSON or `timestamp` is not a time; the other fields are not checked
 */
export function makeRecord(fields: RecordFields = {}): EventRecord {
  const timestampMs = timeOf(fields.timestamp ?? DEFAULTS.timestamp)
  const issues: Issue[] = []
  const { value: data } = copyJsonObject(fields.data ?? {}, 'data', issues)
  const [first, ...others] = issues
  if (first !== undefined) throw invalid('record', [first, ...others])
  const event = Object.freeze({
    ...DEFAULTS,
    id: createEventId(timestampMs),
    ...fields,
    data,
    tags: Object.freeze([...(fields.tags ?? [])]),
    timestamp: formatTimestamp(timestampMs),
  })
  const expiresAtMs = fields.ttl === undefined ? null : timestampMs + fields.ttl
  return { event, dataJson: JSON.stringify(data), timestampMs, expiresAtMs }
}

/** Returns `count` records with the same fields and different ids. */
export function makeRecords(count: number, fields: RecordFields = {}): EventRecord[] {
  return Array.from({ length: count }, () => makeRecord(fields))
}

function timeOf(timestamp: string): number {
  const ms = parseTimestamp(timestamp)
  if (ms === undefined) throw invalid('record', [{ path: 'timestamp', message: TIMESTAMP_RULE }])
  return ms
}
