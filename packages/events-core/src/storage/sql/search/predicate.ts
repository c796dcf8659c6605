import { type Expression, expressionBuilder, type SqlBool, sql } from 'kysely'
import type { LogTables } from '../schema.ts'
import type { SqlDialect } from '../sql-log.ts'
import type { Conditions, Patterns } from './conditions.ts'
import type { Range } from './windows.ts'

type Predicate = Expression<SqlBool>

// Its columns carry no table's name, so what is said of a type holds for the counts by type too.
const eb = expressionBuilder<LogTables, 'events'>()
const ebCounts = expressionBuilder<LogTables, 'minute_counts' | 'hour_source_counts'>()

/** Whether an event meets the conditions, visible or not. Only events of `range` are asked about. */
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

/** The conditions on type and priority, which events and their counts have in common. */
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

/** Whether a row of counts is of a period that the times lie in or touch. */
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
  // The index has only events with a target, and is used only where the text of the query says that it wants no others.
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
