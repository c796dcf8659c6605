import { sql } from 'kysely'

/**
 * Appends a batch and answers its positions, those of duplicates with a minus.
 *
 * Whoever appends holds the row of log_head until the commit, so positions are dense, and in the order of commits. Each
 * statement of the function sees what was committed before it began: so the lock is taken by one of its own, and only the
 * next one looks which ids are there.
 *
 * Nearly always all ids are new: who is first among duplicates, and what was there before them, is asked only if not.
 *
 * Sequential scans are off because the plan is kept: one that was made while the table was small must not read all of
 * it, for each batch, when it has grown.
 */
export const APPEND_EVENTS = sql`
  create or replace function append_events(
    ids text[], types text[], sources text[], targets text[], priorities integer[], timestamps bigint[],
    expiries bigint[], ttls bigint[], correlation_ids text[], causation_ids text[], traceparents text[],
    titles text[], messages text[], tag_lists text[], data_objects text[],
    now_ms bigint, lock_timeout_ms integer, origin text
  ) returns bigint[]
  language plpgsql
  set search_path from current
  set enable_seqscan = off
  as $$
  declare
    head bigint;
    all_new boolean;
    positions bigint[];
  begin
    perform set_config('lock_timeout', lock_timeout_ms::text, true);
    select log_head.position into strict head from log_head for update;
    all_new := not exists (select from events where events.id = any (ids))
      and (select count(distinct given.id) from unnest(ids) as given (id)) = cardinality(ids);

    with incoming as materialized (
      select *
      from unnest(
        ids, types, sources, targets, priorities, timestamps, expiries, ttls, correlation_ids, causation_ids,
        traceparents, titles, messages, tag_lists, data_objects
      ) with ordinality as batch(
        id, type, source, target, priority, timestamp, expires_at, ttl, correlation_id, causation_id,
        traceparent, title, message, tags, data, ordinal
      )
    ), seen as materialized (
      select
        ordinal,
        id,
        (select events.position from events where events.id = incoming.id) as position,
        row_number() over (partition by id order by ordinal) = 1 as is_first
      from incoming
    ), fresh as materialized (
      select incoming.*, head + row_number() over (order by ordinal) as position
      from incoming
      where all_new or ordinal in (select seen.ordinal from seen where seen.is_first and seen.position is null)
    ), stored as (
      insert into events (
        position, id, type, source, target, priority, timestamp, expires_at, recorded_at, ttl,
        correlation_id, causation_id, traceparent, title, message, tags, data
      )
      select
        position, id, type, source, target, priority, timestamp, expires_at, now_ms, ttl,
        correlation_id, causation_id, traceparent, title, message, tags::jsonb, data::json
      from fresh
    ), by_type as (
      insert into type_counts as counts (type, priority, count)
      select type, priority, count(*) from fresh group by type, priority
      on conflict (type, priority) do update set count = counts.count + excluded.count
    ), by_minute as (
      insert into minute_counts as counts (minute, type, priority, count, first_position, last_position)
      select floor(timestamp / 60000::float8), type, priority, count(*), min(position), max(position)
      from fresh group by 1, type, priority
      on conflict (minute, type, priority) do update
        set count = counts.count + excluded.count, last_position = excluded.last_position
    ), by_type_and_hour as (
      insert into hour_counts as counts (hour, type, priority, count)
      select floor(timestamp / 3600000::float8), type, priority, count(*) from fresh group by 1, type, priority
      on conflict (hour, type, priority) do update set count = counts.count + excluded.count
    ), by_source as (
      insert into source_counts as counts (source, count)
      select source, count(*) from fresh group by source
      on conflict (source) do update set count = counts.count + excluded.count
    ), by_hour as (
      insert into hour_source_counts as counts (hour, source, count)
      select floor(timestamp / 3600000::float8), source, count(*) from fresh group by 1, source
      on conflict (hour, source) do update set count = counts.count + excluded.count
    ), by_tag as (
      insert into tag_counts as counts (tag, count)
      select tag, count(*)
      from (select distinct position, tag from fresh, jsonb_array_elements_text(tags::jsonb) as tag) as carried
      group by tag
      on conflict (tag) do update set count = counts.count + excluded.count
    ), by_recording as (
      insert into recorded_minutes (minute, first_position, last_position)
      select floor(now_ms / 60000::float8), min(position), max(position) from fresh having count(*) > 0
      on conflict (minute) do update set last_position = excluded.last_position
    ), moved as (
      update log_head set position = head + (select count(*) from fresh)
      where exists (select from fresh)
    )
    select case
      when all_new then array(select head + nth from generate_series(1, cardinality(ids)) as nth)
      else (
        select array_agg(
          case when fresh.ordinal = seen.ordinal then fresh.position
            else -coalesce(seen.position, fresh.position) end
          order by seen.ordinal
        )
        from seen left join fresh on fresh.id = seen.id
      )
    end into positions;

    -- Within the transaction, so whoever is woken finds the events.
    perform pg_notify(current_schema(), origin);
    return positions;
  end
  $$`
