import { type Issue, invalid } from '../errors.ts'
import type { PublishedEvent } from '../event/event.ts'
import { createEventId } from '../event/id.ts'
import { copyJsonObject } from '../event/json.ts'
import { formatTimestamp, parseTimestamp, TIMESTAMP_RULE } from '../event/timestamp.ts'
import type { EventRecord } from '../storage/contract/storage.ts'

/** What a test cares about; the rest has defaults: a new id, type `test.event`, source `test`, the start of 2030. */
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
 * A record as the bus hands it to a store.
 * @throws EventsError EVENTS_INVALID when `data` is no JSON or `timestamp` no time; the other fields are taken as
 *   they are
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

/** `count` records of the same fields, each with an id of its own. */
export function makeRecords(count: number, fields: RecordFields = {}): EventRecord[] {
  return Array.from({ length: count }, () => makeRecord(fields))
}

function timeOf(timestamp: string): number {
  const ms = parseTimestamp(timestamp)
  if (ms === undefined) throw invalid('record', [{ path: 'timestamp', message: TIMESTAMP_RULE }])
  return ms
}
