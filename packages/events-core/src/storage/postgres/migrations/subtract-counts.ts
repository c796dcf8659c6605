import { sql } from 'kysely'

/**
 * Takes deleted events out of the kept counts, in the transaction that deleted them. A row that comes to zero goes: what
 * was once seen must not be looked at for ever.
 */
export const SUBTRACT_COUNTS = sql`
  create or replace function subtract_counts(
    types text[], sources text[], priorities integer[], timestamps bigint[], tag_lists text[]
  )
  returns void
  language plpgsql
  set search_path from current
  as $$
  begin
    with gone as (
      select type, priority, count(*) from unnest(types, priorities) as events(type, priority) group by 1, 2
    )
    update type_counts as counts set count = counts.count - gone.count from gone
    where counts.type = gone.type and counts.priority = gone.priority;

    delete from type_counts
    where count = 0
      and (type, priority) in (select * from unnest(types, priorities));

    with gone as (
      select floor(timestamp / 60000::float8)::bigint as minute, type, priority, count(*)
      from unnest(timestamps, types, priorities) as events(timestamp, type, priority) group by 1, 2, 3
    )
    update minute_counts as counts set count = counts.count - gone.count from gone
    where counts.minute = gone.minute and counts.type = gone.type and counts.priority = gone.priority;

    delete from minute_counts
    where count = 0
      and (minute, type, priority) in (
        select floor(timestamp / 60000::float8)::bigint, type, priority
        from unnest(timestamps, types, priorities) as events(timestamp, type, priority)
      );

    with gone as (
      select floor(timestamp / 3600000::float8)::bigint as hour, type, priority, count(*)
      from unnest(timestamps, types, priorities) as events(timestamp, type, priority) group by 1, 2, 3
    )
    update hour_counts as counts set count = counts.count - gone.count from gone
    where counts.hour = gone.hour and counts.type = gone.type and counts.priority = gone.priority;

    delete from hour_counts
    where count = 0
      and (hour, type, priority) in (
        select floor(timestamp / 3600000::float8)::bigint, type, priority
        from unnest(timestamps, types, priorities) as events(timestamp, type, priority)
      );

    with gone as (select source, count(*) from unnest(sources) as events(source) group by 1)
    update source_counts as counts set count = counts.count - gone.count from gone
    where counts.source = gone.source;

    delete from source_counts where count = 0 and source = any (sources);

    with gone as (
      select floor(timestamp / 3600000::float8)::bigint as hour, source, count(*)
      from unnest(timestamps, sources) as events(timestamp, source) group by 1, 2
    )
    update hour_source_counts as counts set count = counts.count - gone.count from gone
    where counts.hour = gone.hour and counts.source = gone.source;

    delete from hour_source_counts
    where count = 0
      and (hour, source) in (
        select floor(timestamp / 3600000::float8)::bigint, source
        from unnest(timestamps, sources) as events(timestamp, source)
      );

    with carried as (
      select distinct ordinal, tag
      from unnest(tag_lists) with ordinality as events(tags, ordinal), jsonb_array_elements_text(tags::jsonb) as tag
    ), gone as (select tag, count(*) from carried group by tag)
    update tag_counts as counts set count = counts.count - gone.count from gone where counts.tag = gone.tag;

    delete from tag_counts
    where count = 0
      and tag in (
        select tag from unnest(tag_lists) as events(tags), jsonb_array_elements_text(tags::jsonb) as tag
      );
  end
  $$`
