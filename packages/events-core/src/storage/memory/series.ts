import type { PublishedEvent } from '../../event/event.ts'
import { compileFilter } from '../../filter/filter.ts'
import { compareCodePoints } from '../code-points.ts'
import type { SeriesPoint, SeriesQuery } from '../contract/series.ts'
import { checkSeriesQuery, UNIT_MS } from '../series-query.ts'
import type { MemoryEntry } from './ring.ts'

/** How many events of the same fields a unit of time has. The event stands for all of them. */
interface Cell {
  readonly startMs: number
  readonly event: PublishedEvent
  count: number
}

/** Counts by time, kept up to date one event at a time: minutes by type and priority, hours by source. */
export class SeriesCounts {
  readonly #cells = { types: new Map<string, Cell>(), sources: new Map<string, Cell>() }

  add(entry: MemoryEntry): void {
    this.#change(entry, 1)
  }

  remove(entry: MemoryEntry): void {
    this.#change(entry, -1)
  }

  /** @param expired what is counted, but no longer visible */
  points(query: SeriesQuery, expired: Iterable<MemoryEntry>): readonly SeriesPoint[] {
    const cells = this.#cells[checkSeriesQuery(query)]
    const sum = new SeriesSum(query)
    for (const { startMs, event, count } of cells.values()) sum.add(startMs, event, count)
    for (const { timestampMs, event } of expired) sum.add(timestampMs, event, -1)
    return sum.points()
  }

  #change({ timestampMs, event }: MemoryEntry, by: 1 | -1): void {
    const minuteMs = startOf(timestampMs, UNIT_MS.minute)
    const hourMs = startOf(timestampMs, UNIT_MS.hour)
    const { types, sources } = this.#cells
    count(types, `${minuteMs} ${event.priority} ${event.type}`, { startMs: minuteMs, event, count: by })
    count(sources, `${hourMs} ${event.source}`, { startMs: hourMs, event, count: by })
  }
}

function count(cells: Map<string, Cell>, name: string, change: Cell): void {
  const cell = cells.get(name)
  if (cell === undefined) cells.set(name, change)
  else cell.count += change.count
  if (cell?.count === 0) cells.delete(name)
}

/** Adds up what a query selects. */
class SeriesSum {
  readonly #query: SeriesQuery
  readonly #matches: (event: PublishedEvent) => boolean
  readonly #counts = new Map<number, Map<string, number>>()

  constructor(query: SeriesQuery) {
    const { types, sources, minPriority } = query
    this.#query = query
    this.#matches = compileFilter({
      ...(types && { types }),
      ...(sources && { sources }),
      ...(minPriority !== undefined && { minPriority }),
    })
  }

  add(ms: number, event: PublishedEvent, count: number): void {
    const { sinceMs, untilMs, unit, by } = this.#query
    if (ms < sinceMs || ms >= untilMs || !this.#matches(event)) return
    const startMs = startOf(ms, UNIT_MS[unit])
    const key = by === undefined ? '' : String(event[by])
    const counts = this.#counts.get(startMs) ?? new Map<string, number>()
    counts.set(key, (counts.get(key) ?? 0) + count)
    this.#counts.set(startMs, counts)
  }

  points(): readonly SeriesPoint[] {
    return [...this.#counts]
      .flatMap(([startMs, counts]) => Array.from(counts, ([key, count]) => ({ startMs, key, count })))
      .filter(({ count }) => count > 0)
      .sort((a, b) => a.startMs - b.startMs || compareCodePoints(a.key, b.key))
  }
}

function startOf(ms: number, unitMs: number): number {
  return Math.floor(ms / unitMs) * unitMs
}
