import { abortSignal, checkOptions, integer, type OptionRule, oneOf } from '../../check-options.ts'
import { validateFilter } from '../../filter/validate.ts'
import type { CallOptions, EventQuery } from '../../storage/contract/storage.ts'

const RULES: Readonly<Record<keyof EventQuery, OptionRule>> = {
  filter: () => undefined,
  order: oneOf('asc', 'desc'),
  limit: integer(1, 10_000),
  maxBytes: integer(1),
  offset: integer(0),
  after: integer(0),
  count: oneOf('exact', 'none'),
}

const CALL_RULES: Readonly<Record<keyof CallOptions, OptionRule>> = { signal: abortSignal }

/** @throws EventsError EVENTS_INVALID for an unknown or invalid option */
export function checkCallOptions(options: CallOptions): void {
  checkOptions('options', options, CALL_RULES)
}

/**
 * Checks a query and returns it with its filter's times in UTC.
 * @throws EventsError EVENTS_INVALID for an unknown or invalid member
 */
export function validateQuery(query: EventQuery): EventQuery {
  checkOptions('query', query, RULES)
  // The only required member.
  checkOptions('query', { limit: query.limit ?? null }, RULES)
  return query.filter === undefined ? query : { ...query, filter: validateFilter(query.filter) }
}
