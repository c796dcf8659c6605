import { integer, type OptionRule, oneOf, shown, text, upTo } from '../check-options.ts'
import { type Issue, invalid } from '../errors.ts'
import { copyExtensions, type Extensions } from '../event/extensions.ts'
import { copyJsonObject, type JsonObject } from '../event/json.ts'
import { formatTimestamp, parseTimestamp, TIMESTAMP_RULE } from '../event/timestamp.ts'
import { typePatternProblem } from '../event/type-name.ts'
import type { EventFilter } from './filter.ts'

const MAX_PATTERNS = 1_000
const MAX_TAGS = 32
/** Containment compares each given value with many values of each event, so their number is limited. */
const MAX_DATA_VALUES = 1_000
const MAX_TEXT = 256

/** Returns a copy of the condition's value, or adds to the issues. */
type Reader = (value: unknown, path: string, issues: Issue[]) => unknown

const READERS: ReadonlyMap<string, Reader> = new Map(
  Object.entries({
    types: listOf(MAX_PATTERNS, typePatternProblem),
    sources: listOf(MAX_PATTERNS, text(256)),
    tags: listOf(MAX_TAGS, text(64)),
    tagsMode: scalar(oneOf('any', 'all')),
    minPriority: scalar(integer(0, 100)),
    target: scalar(upTo(256)),
    data,
    extensions,
    text: scalar(text(MAX_TEXT)),
    since: time,
    until: time,
  } satisfies { [K in keyof Required<EventFilter>]: Reader }),
)
const UNKNOWN = `is not a filter condition; the conditions are ${[...READERS.keys()].join(', ')}`

/**
 * Returns a copy of the filter with its times in UTC with milliseconds. Undefined conditions count as absent.
 * @throws EventsError EVENTS_INVALID with all violations; unknown conditions and empty arrays are rejected too
 */
export function validateFilter(filter: unknown): EventFilter {
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) {
    throw invalid('filter', [{ path: '', message: `must be an object, not ${shown(filter)}` }])
  }
  const issues: Issue[] = []
  const copy: Record<string, unknown> = {}
  for (const [condition, value] of Object.entries(filter)) {
    const read = READERS.get(condition)
    if (read === undefined) issues.push({ path: condition, message: UNKNOWN })
    else if (value !== undefined) copy[condition] = read(value, condition, issues)
  }
  checkRange(copy, issues)
  assertFilter(copy, issues)
  return copy
}

/** Like `validateFilter`, for a filter, a type or several types. */
export function selectedFilter(select: string | readonly string[] | EventFilter): EventFilter {
  if (typeof select === 'string') return validateFilter({ types: [select] })
  return validateFilter(Array.isArray(select) ? { types: select } : select)
}

function checkRange({ since, until }: Record<string, unknown>, issues: Issue[]): void {
  // Both have the same form by now, whose alphabetical order is chronological.
  if (typeof since === 'string' && typeof until === 'string' && since > until) {
    issues.push({ path: 'until', message: `must not be before since, ${since}` })
  }
}

/** Each condition has passed its reader, so without issues the copy is a filter. */
function assertFilter(_copy: object, issues: readonly Issue[]): asserts _copy is EventFilter {
  const [first, ...others] = issues
  if (first !== undefined) throw invalid('filter', [first, ...others])
}

function scalar(rule: OptionRule): Reader {
  return (value, path, issues) => {
    const problem = rule(value)
    if (problem !== undefined) issues.push({ path, message: problem })
    return value
  }
}

function listOf(max: number, rule: OptionRule): Reader {
  const readItem = scalar(rule)
  return (value, path, issues) => {
    const problem = listProblem(value, max)
    if (problem !== undefined) issues.push({ path, message: problem })
    if (problem !== undefined || !Array.isArray(value)) return undefined
    return Array.from(value, (item, index) => readItem(item, `${path}.${index}`, issues))
  }
}

function listProblem(value: unknown, max: number): string | undefined {
  if (!Array.isArray(value)) return `must be an array of strings, not ${shown(value)}`
  if (value.length === 0) return 'must name at least one; leave it out to allow any'
  return value.length > max ? `must name at most ${max}, not ${value.length}` : undefined
}

function time(value: unknown, path: string, issues: Issue[]): string | undefined {
  const ms = typeof value === 'string' ? parseTimestamp(value) : undefined
  if (ms !== undefined) return formatTimestamp(ms)
  issues.push({ path, message: `${TIMESTAMP_RULE}, not ${shown(value)}` })
  return undefined
}

function data(value: unknown, path: string, issues: Issue[]): JsonObject {
  const { value: copy } = copyJsonObject(value, path, issues)
  const values = countValues(copy)
  if (values > MAX_DATA_VALUES)
    issues.push({ path, message: `must contain at most ${MAX_DATA_VALUES} values, not ${values}` })
  return copy
}

function extensions(value: unknown, path: string, issues: Issue[]): Extensions | undefined {
  const before = issues.length
  const copy = copyExtensions(value, path, issues)
  if (copy === undefined && issues.length === before)
    issues.push({ path, message: 'must name at least one; leave it out to allow any' })
  return copy
}

/** Counts all nested values: strings, numbers, arrays and objects, at any depth. */
function countValues(json: object): number {
  let count = 0
  for (const part of Object.values(json)) {
    count += typeof part === 'object' && part !== null ? 1 + countValues(part) : 1
  }
  return count
}
