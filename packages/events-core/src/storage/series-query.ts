import { checkOptions, integer, type OptionRule, oneOf } from '../check-options.ts'
import { type Issue, invalid } from '../errors.ts'
import { validateFilter } from '../filter/validate.ts'
import type { SeriesQuery } from './contract/series.ts'

export const UNIT_MS = { minute: 60_000, hour: 3_600_000 } as const
const MAX_UNITS = 100_000

/** `validateFilter` checks the patterns themselves. */
const isArray: OptionRule = (value) => (Array.isArray(value) ? undefined : 'must be an array of strings')

const RULES: Readonly<Record<keyof SeriesQuery, OptionRule>> = {
  sinceMs: integer(Number.MIN_SAFE_INTEGER),
  untilMs: integer(Number.MIN_SAFE_INTEGER),
  unit: oneOf('minute', 'hour'),
  by: oneOf('type', 'source', 'priority'),
  types: isArray,
  sources: isArray,
  minPriority: integer(0, 100),
}

/**
 * Returns which of the kept counts answer a query: those by type and priority ('types'), or those by source.
 * @throws EventsError EVENTS_INVALID for a query that none of them answers, or for too many units
 */
export function checkSeriesQuery(query: SeriesQuery): 'types' | 'sources' {
  checkOptions('series', query, RULES)
  const { types, sources, minPriority, by } = query
  // An undefined member counts as absent.
  validateFilter({ types, sources, minPriority })
  const isOfSources = sources !== undefined || by === 'source'
  refuse([...rangeIssues(query), ...(isOfSources ? sourceIssues(query) : [])])
  return isOfSources ? 'sources' : 'types'
}

function rangeIssues({ sinceMs, untilMs, unit }: SeriesQuery): Issue[] {
  const unitMs = UNIT_MS[unit]
  if (unitMs === undefined) return [{ path: 'unit', message: 'must be given' }]
  const issues = Object.entries({ sinceMs, untilMs })
    .filter(([, ms]) => ms === undefined || ms % unitMs !== 0)
    .map(([path]) => ({ path, message: `must be the start of a whole ${unit}, in milliseconds since 1970` }))
  if (issues.length > 0) return issues
  if (untilMs < sinceMs) return [{ path: 'untilMs', message: 'must not be before sinceMs' }]
  const units = (untilMs - sinceMs) / unitMs
  if (units <= MAX_UNITS) return []
  return [{ path: 'untilMs', message: `must be at most ${MAX_UNITS} ${unit}s after sinceMs, not ${units}` }]
}

/** Sources are counted only by the hour, and not also by type or priority. */
function sourceIssues({ unit, by, types, minPriority }: SeriesQuery): Issue[] {
  const issues: Issue[] = []
  const refused = (path: keyof SeriesQuery, message: string) => issues.push({ path, message })
  if (unit !== 'hour') refused('unit', "must be 'hour': sources are not counted by the minute")
  if (by !== undefined && by !== 'source') refused('by', "must be 'source' or absent together with sources")
  if (types !== undefined) refused('types', 'must be absent: no count is kept by type and source')
  if (minPriority !== undefined) {
    refused('minPriority', 'must be absent: no count is kept by priority and source')
  }
  return issues
}

function refuse([first, ...others]: readonly Issue[]): void {
  if (first !== undefined) throw invalid('series', [first, ...others])
}
