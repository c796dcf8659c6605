import { sql } from 'kysely'

/**
 * Appends a batch, in which no id occurs twice, and returns `head`, the position before its first event. If an id is
 * already stored, it changes nothing and returns `known`: the position of each id, null for those that are not stored.
 *
 * An append locks the row of log_head until the commit, so positions are dense and in commit order. Each statement of the
 * function sees what was committed before it began, so a separate statement takes the lock. Nearly always all ids are new,
 * so they are not looked up first: otherwise the insert fails and is rolled back, and the lock, which was taken before it,
 * stays.
 *
 * Tags and data are sequences of JSON texts with the separator of RFC 7464. Extensions come last and have a default, so
 * that a process of an earlier version can still call the function; few events have any.
 *
 * Events are recorded at `now_ms`, or at the server's time if that is null, but never before the last one. `recorded_ms`
 * returns that time.
 *
 * The counts of the batch by minute and by hour are parameters; positions in them are those in the batch, from 1.
 *
 * Sequential scans are off because the plan is cached: a plan made while the table was small must not read the whole grown
 * table for each batch with a duplicate. Where a plan needs a sequential scan (the head), it counts as so expensive that
 * the server would compile each batch's statement for a second: hence no `jit`. A new plan for each batch would have no
 * benefit.
 *
 * An acknowledged event survives a crash of the server even if `synchronous_commit` is off otherwise: an event that was
 * seen at a position must not be replaced by another. Other values (`remote_apply`) are left as they are set.
 */
export const APPEND_EVENTS = sql`
  create or replace function append_events(
    ids text[], types text[], sources text[], targets text[], priorities integer[], timestamps bigint[],
    expiries bigint[], ttls bigint[], correlation_ids text[], causation_ids text[], traceparents text[],
    titles text[], messages text[], tag_lists text, data_objects text,
    counted_minutes bigint[], counted_types text[], counted_priorities integer[], counts_of_types bigint[],
    first_ordinals bigint[], last_ordinals bigint[],
    counted_hours bigint[], counted_sources text[], counts_of_sources bigint[],
    counted_tags text[], counts_of_tags bigint[],
    now_ms bigint, lock_timeout_ms integer, origin text, extension_objects text[] default null,
    out head bigint, out known bigint[], out recorded_ms bigint
  )
  language plpgsql
  set search_path from current
  set enable_seqscan = off
  set jit = off
  set plan_cache_mode = auto
  as $$
  begin
    perform set_config('lock_timeout', lock_timeout_ms::text, true);
    if current_setting('synchronous_commit') = 'off' then
      perform set_config('synchronous_commit', 'local', true);
    end if;
    select log_head.position, log_head.recorded into strict head, recorded_ms from log_head for update;
    recorded_ms := greatest(
      recorded_ms, coalesce(now_ms, floor(extract(epoch from clock_timestamp()) * 1000)::bigint)
    );

    begin
      with stored as (
        insert into events (
          position, id, type, source, target, priority, timestamp, expires_at, recorded_at, ttl,
          correlation_id, causation_id, traceparent, title, message, tags, data, extensions
        )
        select
          head + ordinal, id, type, source, target, priority, timestamp, expires_at, recorded_ms, ttl,
          correlation_id, causation_id, traceparent, title, message, tags::jsonb, data::json,
          extensions::jsonb
        from unnest(
          ids, types, sources, targets, priorities, timestamps, expiries, ttls, correlation_ids, causation_ids,
          traceparents, titles, messages, string_to_array(tag_lists, E'\\x1e'), string_to_array(data_objects, E'\\x1e'),
          extension_objects
        ) with ordinality as batch(
          id, type, source, target, priority, timestamp, expires_at, ttl, correlation_id, causation_id,
          traceparent, title, message, tags, data, extensions, ordinal
        )
      ), of_types as materialized (
        select *
        from unnest(
          counted_minutes, counted_types, counted_priorities, counts_of_types, first_ordinals, last_ordinals
        ) as batch(minute, type, priority, count, first, last)
      ), of_sources as materialized (
        select * from unnest(counted_hours, counted_sources, counts_of_sources) as batch(hour, source, count)
      ), by_type as (
        insert into type_counts as counts (type, priority, count)
        select type, priority, sum(count) from of_types group by type, priority
        on conflict (type, priority) do update set count = counts.count + excluded.count
      ), by_minute as (
        insert into minute_counts as counts (minute, type, priority, count, first_position, last_position)
        select minute, type, priority, count, head + first, head + last from of_types
        on conflict (minute, type, priority) do update
          set count = counts.count + excluded.count, last_position = excluded.last_position
      ), by_type_and_hour as (
        insert into hour_counts as counts (hour, type, priority, count)
        select floor(minute / 60::float8), type, priority, sum(count) from of_types group by 1, type, priority
        on conflict (hour, type, priority) do update set count = counts.count + excluded.count
      ), by_source as (
        insert into source_counts as counts (source, count)
        select source, sum(count) from of_sources group by source
        on conflict (source) do update set count = counts.count + excluded.count
      ), by_hour as (
        insert into hour_source_counts as counts (hour, source, count)
        select hour, source, count from of_sources
        on conflict (hour, source) do update set count = counts.count + excluded.count
      ), by_tag as (
        insert into tag_counts as counts (tag, count)
        select tag, count from unnest(counted_tags, counts_of_tags) as batch(tag, count)
        on conflict (tag) do update set count = counts.count + excluded.count
      ), by_recording as (
        insert into recorded_minutes (minute, first_position, last_position)
        values (floor(recorded_ms / 60000::float8), head + 1, head + cardinality(ids))
        on conflict (minute) do update set last_position = excluded.last_position
      )
      update log_head set position = head + cardinality(ids), recorded = recorded_ms;
    exception when unique_violation then
      known := array(
        select (select events.position from events where events.id = batch.id)
        from unnest(ids) with ordinality as batch(id, ordinal)
        order by ordinal
      );
      if array_remove(known, null) = '{}' then
        if exists (select from events where events.position > head) then
          raise 'the head is behind the events' using errcode = 'data_corrupted';
        end if;
        -- What was in the way is gone: somebody deleted it without taking the head.
        raise 'an event was deleted meanwhile' using errcode = 'serialization_failure';
      end if;
      return;
    end;

    -- Within the transaction, so whoever is woken finds the events.
    perform pg_notify(current_schema(), origin);
  end
  $$`
