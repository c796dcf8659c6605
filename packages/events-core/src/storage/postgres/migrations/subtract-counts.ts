import { sql } from 'kysely'

/** Selects the hour or minute of each deleted event, with further fields. */
const periods = (name: string, ms: number, fields: string, arrays: string) => `
  select floor(timestamp / ${ms}::float8)::bigint as ${name}, ${fields}
  from unnest(timestamps, ${arrays}) as events(timestamp, ${fields})`

const ROWS = {
  types: 'select type, priority from unnest(types, priorities) as events(type, priority)',
  minutes: periods('minute', 60_000, 'type, priority', 'types, priorities'),
  hours: periods('hour', 3_600_000, 'type, priority', 'types, priorities'),
  sources: 'select source from unnest(sources) as events(source)',
  hoursOfSources: periods('hour', 3_600_000, 'source', 'sources'),
  // An event may carry a tag twice.
  tags: `
  select distinct ordinal, tag
  from unnest(tag_lists) with ordinality as events(tags, ordinal), jsonb_array_elements_text(tags::jsonb) as tag`,
} as const

/** Subtracts from the counts of a table, and deletes rows at zero. @param rows one row for each event to subtract */
const subtraction = (table: string, keys: readonly string[], rows: string) => `
    with gone as (select ${keys}, count(*) from (${rows}) as events group by ${keys})
    update ${table} as counts set count = counts.count - gone.count from gone
    where ${keys.map((key) => `counts.${key} = gone.${key}`).join(' and ')};

    delete from ${table} where count = 0 and (${keys}) in (select ${keys} from (${rows}) as events);
`

const SUBTRACTIONS = [
  subtraction('type_counts', ['type', 'priority'], ROWS.types),
  subtraction('minute_counts', ['minute', 'type', 'priority'], ROWS.minutes),
  subtraction('hour_counts', ['hour', 'type', 'priority'], ROWS.hours),
  subtraction('source_counts', ['source'], ROWS.sources),
  subtraction('hour_source_counts', ['hour', 'source'], ROWS.hoursOfSources),
  subtraction('tag_counts', ['tag'], ROWS.tags),
]

/**
 * Subtracts deleted events from the kept counts, in the transaction that deleted them. A row at zero is deleted, so that
 * queries do not read rows of values that no longer occur.
 */
export const SUBTRACT_COUNTS = sql`
  create or replace function subtract_counts(
    types text[], sources text[], priorities integer[], timestamps bigint[], tag_lists text[]
  )
  returns void
  language plpgsql
  set search_path from current
  set jit = off
  as $$
  begin
    ${sql.raw(SUBTRACTIONS.join(''))}
  end
  $$`
