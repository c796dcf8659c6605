import type { EventFilter, EventQuery } from '@viewra/events-core'

/** A page and its total, as one would query them without kept counts: two statements, combined in one. */
export function plain({ limit, filter = {} }: EventQuery, store: string): string {
  const where = conditions(filter, store)
  return `select (select count(*) from events ${where}) as total, page.*
    from (select * from events ${where} order by position desc limit ${limit}) as page`
}

/** Only the conditions that the suite uses. Values are the suite's own. */
function conditions({ types, sources, tags, minPriority, target, data }: EventFilter, store: string): string {
  const [type = '', source = '', tag = ''] = [types?.[0], sources?.[0], tags?.[0]]
  const all = [
    ...(type === '' ? [] : [matching('type', type)]),
    ...(source === '' ? [] : [matching('source', source)]),
    ...(tag === '' ? [] : [tagged(tag, store)]),
    ...(minPriority === undefined ? [] : [`priority >= ${minPriority}`]),
    ...(target === undefined ? [] : [`target <> '' and target = '${target}'`]),
    ...Object.entries(data ?? {}).map(([key, value]) => contains(key, value, store)),
  ]
  return all.length === 0 ? '' : `where ${all.join(' and ')}`
}

function matching(column: string, pattern: string): string {
  return pattern.endsWith('*') ? `${column} like '${pattern.slice(0, -1)}%'` : `${column} = '${pattern}'`
}

function tagged(tag: string, store: string): string {
  return store === 'SQLite'
    ? `position in (select position from event_tags where tag = '${tag}')`
    : `tags @> '["${tag}"]'`
}

function contains(key: string, value: unknown, store: string): string {
  return store === 'SQLite'
    ? `json_extract(data, '$.${key}') = ${JSON.stringify(value)}`
    : `data::jsonb @> '{"${key}":${JSON.stringify(value)}}'`
}

export const BY_HOUR =
  'select timestamp / 3600000 as hour, type, count(*) from events group by 1, 2 order by 1'

export const COUNTED_BY_HOUR = 'select hour, type, sum(count) from hour_counts group by 1, 2 order by 1'
