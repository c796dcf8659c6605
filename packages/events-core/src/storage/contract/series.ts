/** Selects counts of events over time. */
export interface SeriesQuery {
  /**
   * The range of the events' `timestamp`, in milliseconds since 1970: both ends are starts of units, and `untilMs` is
   * excluded.
   */
  readonly sinceMs: number
  readonly untilMs: number
  /** Minutes are counted by type and priority, hours by type and priority or by source. */
  readonly unit: 'minute' | 'hour'
  /** Splits the counts by this field; without it there is one count per unit. */
  readonly by?: 'type' | 'source' | 'priority'
  /** Types or patterns such as `media.*`, as in a filter. Not together with `sources` or `by: 'source'`. */
  readonly types?: readonly string[]
  readonly sources?: readonly string[]
  /** Not together with `sources` or `by: 'source'`. */
  readonly minPriority?: number
}

/** The number of visible events in one unit of time. Units without events are left out. */
export interface SeriesPoint {
  readonly startMs: number
  /** The type, source or priority (as a string); '' without `by`. */
  readonly key: string
  readonly count: number
}

/**
 * Counts events over time. Stores on disk update the counts whenever events are added or removed: the cost of a query grows
 * with its points, not with the events.
 */
export interface CountSeries {
  /**
   * Returns points ordered by time, then key.
   * @throws EventsError EVENTS_INVALID for a query that no kept count answers, or of more than 100,000 units
   */
  series(query: SeriesQuery): Promise<readonly SeriesPoint[]>
}
