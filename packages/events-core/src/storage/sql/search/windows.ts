/** Positions above `from`, up to and including `to`. */
export interface Range {
  readonly from: number
  readonly to: number
}

export const EVERYWHERE: Range = { from: 0, to: Number.MAX_SAFE_INTEGER }

/** Returns the common range. It may be empty: then `from` is not below `to`. */
export function intersect(a: Range, b: Range): Range {
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
}

/** The size of the slices of work, so that other users of the same connection need not wait for long. */
export interface Pace {
  /** The size of the first slice: the positions that a statement examines, or the rows that it deletes. */
  readonly first: number
  /** The size of the largest slice, since an expensive stretch may follow a cheap one (an index that finds nothing). */
  readonly max: number
  /** The time that a slice should take; each slice is sized by the previous one. */
  readonly targetMs: number
  /** Lets other work run first. It may throw to end the work. */
  rest(): Promise<void>
}

const MAX_CHANGE = 4
/** Smaller slices would only multiply the fixed cost of a statement. */
const MIN_SIZE = 20

/** Computes the size of the next slice from the time that the last one took. */
export class SliceSize {
  readonly #pace: Pace
  #size: number
  #startedAt = 0

  constructor(pace: Pace, first = pace.first) {
    this.#pace = pace
    this.#size = first
  }

  /** Returns the size of the slice that begins now. */
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
 * Splits a range into windows, each as large as the pace allows; the time between two windows counts as the caller's time
 * for the first of them. An index on (column, position) and the primary key both serve a condition on a column within a
 * window, so a long search is as cheap in windows as in one statement.
 * @param first the size of the first window, if it must differ from the pace's
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
