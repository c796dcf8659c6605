import { type Expression, expressionBuilder, type SqlBool, sql } from 'kysely'
import type { LogTables } from '../schema.ts'
import type { SqlDialect } from '../sql-log.ts'
import type { Conditions, Patterns } from './conditions.ts'
import type { Range } from './windows.ts'

type Predicate = Expression<SqlBool>

// Its columns have no table name, so conditions on a type also apply to the counts by type.
const eb = expressionBuilder<LogTables, 'events'>()
const ebCounts = expressionBuilder<LogTables, 'minute_counts' | 'hour_source_counts'>()

/** Tests whether an event meets the conditions, visible or not. Applied only to events of `range`. */
export function matches(conditions: Conditions, range: Range, dialect: SqlDialect): Predicate {
  const { sources, target, tags, tagsMode, extensions, data, text, sinceMs, untilMs } = conditions
  const all = typeAndPriority(conditions, dialect)
  if (sources) all.push(anyOf('source', sources, dialect))
  if (target !== undefined) all.push(isFor(target))
  if (tags) all.push(...tagged(tags, tagsMode ?? 'any', range, dialect))
  if (sinceMs !== undefined) all.push(eb('timestamp', '>=', sinceMs))
  if (untilMs !== undefined) all.push(eb('timestamp', '<=', untilMs))
  if (extensions) all.push(dialect.hasExtensions(extensions))
  if (data) all.push(dialect.dataContains(data))
  if (text !== undefined) all.push(dialect.textContains(text))
  return eb.and(all)
}

/** Tests the conditions on type and priority, which events and their counts have in common. */
export function countedAs(conditions: Conditions, dialect: SqlDialect): Predicate {
  return eb.and(typeAndPriority(conditions, dialect))
}

function typeAndPriority({ types, minPriority }: Conditions, dialect: SqlDialect): Predicate[] {
  const all: Predicate[] = []
  if (types) all.push(anyOf('type', types, dialect))
  if (minPriority !== undefined) all.push(eb('priority', '>=', minPriority))
  return all
}

export function anyOf(column: 'type' | 'source', patterns: Patterns, dialect: SqlDialect): Predicate {
  const any: Predicate[] = []
  if (patterns.prefixes.length > 0) any.push(dialect.startsWithAny(column, patterns.prefixes))
  if (patterns.exact.length > 0) any.push(dialect.isOneOf(column, patterns.exact))
  return eb.or(any)
}

export function visible(nowMs: number): Predicate {
  return eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', nowMs)])
}

export function expired(nowMs: number): Predicate {
  return eb('expires_at', '<=', nowMs)
}

export function inRange({ from, to }: Range): Predicate {
  return eb.and([eb('position', '>', from), eb('position', '<=', to)])
}

/** Tests whether a row of counts belongs to a period that the time span contains or touches. */
export function during(
  period: 'minute' | 'hour',
  { sinceMs, untilMs }: Conditions,
  periodMs: number,
): Predicate {
  const all: Predicate[] = []
  if (sinceMs !== undefined) all.push(ebCounts(period, '>=', Math.floor(sinceMs / periodMs)))
  if (untilMs !== undefined) all.push(ebCounts(period, '<=', Math.floor(untilMs / periodMs)))
  return ebCounts.and(all)
}

export function isFor(target: string): Predicate {
  const is = eb('target', '=', target)
  // The index has only events with a target, and is used only if the query's text excludes all others.
  return target === '' ? is : eb.and([is, sql<SqlBool>`target <> ''`])
}

function tagged(
  tags: readonly string[],
  mode: 'any' | 'all',
  range: Range,
  dialect: SqlDialect,
): Predicate[] {
  return mode === 'any'
    ? [dialect.taggedAny(tags, range)]
    : tags.map((tag) => dialect.taggedAny([tag], range))
}
