/** Positions above `from`, up to and including `to`. */
export interface Range {
  readonly from: number
  readonly to: number
}

export const EVERYWHERE: Range = { from: 0, to: Number.MAX_SAFE_INTEGER }

/** May be empty: `from` is not below `to` then. */
export function intersect(a: Range, b: Range): Range {
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
}

/** How much is done at a time, so that others who use the same connection need not wait for long. */
export interface Pace {
  /** Size of the first slice: of the window of positions that a statement looks at, or of the rows that it deletes. */
  readonly first: number
  /** The largest slice. A cheap stretch (an index that finds nothing) may be followed by an expensive one. */
  readonly max: number
  /** How long a slice should take; the next one is sized by the last. */
  readonly targetMs: number
  /** Lets others go first. It may throw when the work is to be given up. */
  rest(): Promise<void>
}

const MAX_CHANGE = 4
/** A statement has a cost of its own, which smaller slices would only multiply. */
const MIN_SIZE = 20

/** The size of the next slice, by how long the last one took. */
export class SliceSize {
  readonly #pace: Pace
  #size: number
  #startedAt = 0

  constructor(pace: Pace, first = pace.first) {
    this.#pace = pace
    this.#size = first
  }

  /** Answers the size of the slice that begins now. */
  begin(): number {
    this.#startedAt = performance.now()
    return Math.ceil(this.#size)
  }

  end(): void {
    const elapsedMs = performance.now() - this.#startedAt
    const change = Math.min(MAX_CHANGE, Math.max(1 / MAX_CHANGE, this.#pace.targetMs / elapsedMs))
    this.#size = Math.min(this.#pace.max, Math.max(MIN_SIZE, this.#size * change))
  }
}

/**
 * Cuts a range into windows, each as large as the pace allows; the time between two windows is what the caller took
 * for the first of them. An index on (column, position) and the primary key both serve a condition on a column within
 * a window, so a long search is as cheap in windows as in one statement.
 * @param first size of the first window, if there is reason for another than the pace has
 */
export async function* windows(
  range: Range,
  order: 'asc' | 'desc',
  pace: Pace,
  first?: number,
): AsyncGenerator<Range> {
  const slice = new SliceSize(pace, first)
  let { from, to } = range
  while (from < to) {
    const size = slice.begin()
    const window =
      order === 'asc' ? { from, to: Math.min(to, from + size) } : { from: Math.max(from, to - size), to }
    yield window
    slice.end()
    if (order === 'asc') from = window.to
    else to = window.from
    if (from < to) await pace.rest()
  }
}
