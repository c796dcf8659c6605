import { compareCodePoints } from '../code-points.ts'
import type { SeriesPoint, SeriesQuery } from '../contract/series.ts'
import { UNIT_MS } from '../series-query.ts'
import type { MemoryEntry } from './ring.ts'

/**
 * Counts the matching events. It visits every event of the bounded store, because keeping counts would slow down every
 * append.
 */
export function seriesOf(
  { sinceMs, untilMs, unit, by }: SeriesQuery,
  entries: Iterable<MemoryEntry>,
  matches: (entry: MemoryEntry) => boolean,
): readonly SeriesPoint[] {
  const counts = new Map<number, Map<string, number>>()
  for (const entry of entries) {
    const { timestampMs, event } = entry
    if (timestampMs < sinceMs || timestampMs >= untilMs || !matches(entry)) continue
    const startMs = Math.floor(timestampMs / UNIT_MS[unit]) * UNIT_MS[unit]
    const key = by === undefined ? '' : String(event[by])
    const ofUnit = counts.get(startMs) ?? new Map<string, number>()
    counts.set(startMs, ofUnit.set(key, (ofUnit.get(key) ?? 0) + 1))
  }
  return [...counts]
    .flatMap(([startMs, ofUnit]) => Array.from(ofUnit, ([key, count]) => ({ startMs, key, count })))
    .sort((a, b) => a.startMs - b.startMs || compareCodePoints(a.key, b.key))
}
