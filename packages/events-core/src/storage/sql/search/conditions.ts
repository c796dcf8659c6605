import { invalid } from '../../../errors.ts'
import { parseTimestamp, TIMESTAMP_RULE } from '../../../event/timestamp.ts'
import type { EventFilter } from '../../../filter/filter.ts'

/** Exact strings and prefixes. */
export interface Patterns {
  readonly exact: readonly string[]
  readonly prefixes: readonly string[]
}

/** A filter in the form that the queries need: patterns split, times in milliseconds, empty conditions left out. */
export interface Conditions
  extends Pick<EventFilter, 'tags' | 'tagsMode' | 'minPriority' | 'target' | 'extensions' | 'data' | 'text'> {
  readonly types?: Patterns
  readonly sources?: Patterns
  readonly sinceMs?: number
  readonly untilMs?: number
}

/** @throws EventsError EVENTS_INVALID if a time is invalid; the bus has checked the rest */
export function conditionsOf({ types, sources, since, until, ...others }: EventFilter): Conditions {
  return {
    ...others,
    ...(types && !types.includes('*') && { types: patternsOf(types, '.*') }),
    ...(sources && !sources.includes('*') && { sources: patternsOf(sources, '*') }),
    ...(since !== undefined && { sinceMs: timeOf(since, 'since') }),
    ...(until !== undefined && { untilMs: timeOf(until, 'until') }),
  }
}

export function hasTimes({ sinceMs, untilMs }: Conditions): boolean {
  return sinceMs !== undefined || untilMs !== undefined
}

function patternsOf(patterns: readonly string[], wildcard: string): Patterns {
  const isPrefix = (pattern: string) => pattern.endsWith(wildcard)
  return {
    exact: patterns.filter((pattern) => !isPrefix(pattern)),
    prefixes: patterns.filter(isPrefix).map((pattern) => pattern.slice(0, -1)),
  }
}

function timeOf(time: string, path: string): number {
  const ms = parseTimestamp(time)
  if (ms === undefined) throw invalid('filter', [{ path, message: TIMESTAMP_RULE }])
  return ms
}
