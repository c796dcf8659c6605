import { shown } from '../check-options.ts'
import { type Issue, invalid } from '../errors.ts'
import { copyJsonValue, type JsonValue } from '../event/json.ts'
import { STORAGE_LIMITS } from '../storage/limits.ts'

/**
 * The maximum length of a note and of an error, in characters. Each takes at most six bytes of JSON, so both fit into the
 * reserved bytes, together with every other field.
 */
export const MAX_TEXT = 1_024
/** The maximum length of `requested_by`, in characters. */
export const MAX_REQUESTED_BY = 256
/** The bytes that a job's document keeps free for all fields but input, checkpoint and result. */
const RESERVED_BYTES = 16_384
/** The maximum size of input, checkpoint and result together, as JSON text in UTF-8. */
const PAYLOAD_BYTES = STORAGE_LIMITS.valueBytes - RESERVED_BYTES

/** @throws EventsError EVENTS_INVALID for an id that no job can have */
export function checkJobId(id: string): void {
  const isText = typeof id === 'string' && id.isWellFormed() && !id.includes('\0')
  if (isText && id.length >= 1 && id.length <= 128) return
  const message = `must be a string of 1 to 128 characters, without U+0000, not ${shown(id)}`
  throw invalid('job', [{ path: 'id', message }])
}

/**
 * Copies a job's input, checkpoint or result, so that later changes to it do not reach the store.
 * @param others the other two; null for one that there is not
 * @throws EventsError EVENTS_INVALID if it is not JSON, or if the three take more than 240 KiB
 */
export function checkPayload(
  path: 'input' | 'checkpoint' | 'result',
  value: unknown,
  others: readonly JsonValue[] = [],
): JsonValue {
  const issues: Issue[] = []
  const copy = copyJsonValue(value, path, issues) ?? null
  const [issue] = issues
  if (issue !== undefined) throw invalid('job', [issue])
  const bytes = [copy, ...others].reduce<number>((sum, part) => sum + bytesOf(part), 0)
  if (bytes <= PAYLOAD_BYTES) return copy
  const rule = `must leave input, checkpoint and result together at most ${PAYLOAD_BYTES} bytes of JSON text`
  throw invalid('job', [{ path, message: `${rule}, not ${bytes}` }])
}

function bytesOf(value: JsonValue): number {
  return value === null ? 0 : Buffer.byteLength(JSON.stringify(value))
}
