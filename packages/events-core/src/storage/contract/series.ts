/** Which counts of events over time. */
export interface SeriesQuery {
  /** Milliseconds since 1970 by the events' `timestamp`; both are whole units, and `untilMs` is not included. */
  readonly sinceMs: number
  readonly untilMs: number
  /** Minutes are counted by type and priority, hours by type and priority or by source. */
  readonly unit: 'minute' | 'hour'
  /** Splits the counts; one number per unit without it. */
  readonly by?: 'type' | 'source' | 'priority'
  /** Types, or prefixes as `media.*`, as a filter has them. Not together with `sources` or `by: 'source'`. */
  readonly types?: readonly string[]
  readonly sources?: readonly string[]
  /** Not together with `sources` or `by: 'source'`. */
  readonly minPriority?: number
}

/** The visible events of one unit of time. Units without events are left out. */
export interface SeriesPoint {
  readonly startMs: number
  /** The type, source or priority (as text); '' without `by`. */
  readonly key: string
  readonly count: number
}

/**
 * Counts of events over time. Stores on disk keep them as events come and go: the cost grows with the points, not with the
 * events.
 */
export interface CountSeries {
  /**
   * Returns points by time, then key.
   * @throws EventsError EVENTS_INVALID for a query that no kept count answers, or of more than 100,000 units
   */
  series(query: SeriesQuery): Promise<readonly SeriesPoint[]>
}
