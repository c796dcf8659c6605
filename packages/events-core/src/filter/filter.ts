import { invalid } from '../errors.ts'
import type { PublishedEvent } from '../event/event.ts'
import { compileExtensions, type Extensions } from '../event/extensions.ts'
import type { JsonObject, JsonValue } from '../event/json.ts'
import { formatTimestamp, parseTimestamp, TIMESTAMP_RULE } from '../event/timestamp.ts'
import { compileText } from './text-search.ts'

/**
 * Selects events: all given conditions must hold; `{}` selects every event. The same definition applies in memory, in
 * SQL and over the wire.
 */
export interface EventFilter {
  /** Exact types, `scan.*` (everything below `scan`, at any depth) or `*`. Any of them. */
  readonly types?: readonly string[]
  /** Exact sources, or a prefix that ends in `*`: `plugin:*`. Any of them. */
  readonly sources?: readonly string[]
  readonly tags?: readonly string[]
  /** Whether one of `tags` suffices (default) or all are required. */
  readonly tagsMode?: 'any' | 'all'
  readonly minPriority?: number
  readonly target?: string
  /**
   * Containment, like PostgreSQL's `jsonb @>`: objects must have the given keys with containing values, arrays must
   * have a containing element for each given one, scalars must be equal.
   */
  readonly data?: JsonObject
  /**
   * Extension attributes that an event must have, each with this value as CloudEvents writes it: `5` also selects `'5'`, and
   * `true` selects `'true'`.
   */
  readonly extensions?: Extensions
  /**
   * A substring of `title` or `message`, 1 to 256 characters: each character matches itself and its upper and lower case,
   * if that is a single character (so `ß` does not match `SS`).
   */
  readonly text?: string
  /** Earliest and latest `timestamp`, RFC 3339, both inclusive. */
  readonly since?: string
  readonly until?: string
}

type EventPredicate = (event: PublishedEvent) => boolean

/** Compiles a filter into a predicate. Compile once, call often: the predicate allocates nothing per event. */
export function compileFilter(filter: EventFilter): EventPredicate {
  const { types } = filter
  const checks = residualChecks(filter)
  if (types !== undefined) {
    const matches = compileTypes(types)
    checks.unshift((event) => matches(event.type))
  }
  return all(checks) ?? (() => true)
}

/** Compiles the filter's `types` into a predicate of an event's type. Without patterns every type matches. */
export function compileTypes(patterns: readonly string[] | undefined): (type: string) => boolean {
  return patterns === undefined ? () => true : compilePatterns(patterns)
}

/** Compiles the filter without its `types`; returns undefined if it has no other condition. */
export function compileResidual(filter: EventFilter): EventPredicate | undefined {
  return all(residualChecks(filter))
}

/**
 * Returns whether `value` contains `part`, like PostgreSQL's `jsonb @>`, except for a special case that PostgreSQL
 * makes outside objects and arrays and that never applies to event data, which is always an object: here a bare scalar
 * is not contained in an array.
 */
export function containsJson(value: JsonValue, part: JsonValue): boolean {
  if (typeof part !== 'object' || part === null) return value === part
  if (typeof value !== 'object' || value === null) return false
  if (isArray(part)) return isArray(value) && containsElements(value, part)
  return !isArray(value) && containsEntries(value, part)
}

// Unlike Array.isArray, this also narrows a readonly array.
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function containsElements(value: readonly JsonValue[], part: readonly JsonValue[]): boolean {
  for (const wanted of part) {
    if (!hasElement(value, wanted)) return false
  }
  return true
}

function hasElement(value: readonly JsonValue[], wanted: JsonValue): boolean {
  for (const element of value) {
    if (containsJson(element, wanted)) return true
  }
  return false
}

function containsEntries(value: JsonObject, part: JsonObject): boolean {
  for (const key of Object.keys(part)) {
    // Own keys only: every object has 'constructor' otherwise.
    if (!Object.hasOwn(value, key)) return false
    const found = value[key]
    const wanted = part[key]
    if (found === undefined || wanted === undefined || !containsJson(found, wanted)) return false
  }
  return true
}

/** Returns the checks for all conditions except `types`, cheap ones first. */
function residualChecks(filter: EventFilter): EventPredicate[] {
  const { minPriority, target, since, until, sources, tags, extensions, data, text } = filter
  const checks: EventPredicate[] = []
  if (minPriority !== undefined) checks.push((event) => event.priority >= minPriority)
  if (target !== undefined) checks.push((event) => event.target === target)
  // All timestamps of events have the same form, whose alphabetical order is chronological.
  const earliest = normalTime(since, 'since')
  if (earliest !== undefined) checks.push((event) => event.timestamp >= earliest)
  const latest = normalTime(until, 'until')
  if (latest !== undefined) checks.push((event) => event.timestamp <= latest)
  if (sources !== undefined) {
    const matches = compilePatterns(sources)
    checks.push((event) => matches(event.source))
  }
  if (tags !== undefined) checks.push(compileTags(tags, filter.tagsMode ?? 'any'))
  if (extensions !== undefined) {
    const hasAll = compileExtensions(extensions)
    checks.push((event) => hasAll(event.extensions))
  }
  if (data !== undefined) checks.push((event) => containsJson(event.data, data))
  if (text !== undefined) {
    const contains = compileText(text)
    checks.push((event) => contains(event.title, event.message))
  }
  return checks
}

function normalTime(time: string | undefined, path: string): string | undefined {
  if (time === undefined) return undefined
  const ms = parseTimestamp(time)
  if (ms === undefined) throw invalid('filter', [{ path, message: TIMESTAMP_RULE }])
  return formatTimestamp(ms)
}

/** Matches exact strings and, where one ends in `*`, the prefix before the asterisk. */
function compilePatterns(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.includes('*')) return () => true
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1))
  if (prefixes.length === 0) return (text) => exact.has(text)
  return (text) => exact.has(text) || startsWithAny(text, prefixes)
}

function startsWithAny(text: string, prefixes: readonly string[]): boolean {
  for (const prefix of prefixes) {
    if (text.startsWith(prefix)) return true
  }
  return false
}

function compileTags(tags: readonly string[], mode: 'any' | 'all'): EventPredicate {
  const enough = mode === 'any'
  return (event) => {
    for (const tag of tags) {
      if (event.tags.includes(tag) === enough) return enough
    }
    return !enough
  }
}

function all(checks: readonly EventPredicate[]): EventPredicate | undefined {
  const [first, ...others] = checks
  if (first === undefined || others.length === 0) return first
  return (event) => {
    for (const check of checks) {
      if (!check(event)) return false
    }
    return true
  }
}
