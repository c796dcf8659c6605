import { compareCodePoints } from '../storage/code-points.ts'
import type { KeyedState } from '../storage/contract/keyed-state.ts'
import { OrderedIndex } from '../storage/memory/ordered-index.ts'

interface Place {
  readonly dueMs: number
  readonly key: string
}

/** Timers that are kept in memory; the later ones are left to the store. */
const MAX_TIMERS = 20_000

/**
 * The timers that are due next, by time, then key. All timers up to a horizon are here, as they are with the changes that are
 * not committed yet; those beyond it are only in the store, and come with `load` once all changes are committed.
 */
export class Timers {
  #index = new OrderedIndex()
  readonly #due = new Map<string, number>()
  /** Undefined when all timers are here. */
  #horizon: Place | undefined = { dueMs: Number.NEGATIVE_INFINITY, key: '' }

  /** Whether every timer that is due at a time or earlier is here. */
  knows(untilMs: number): boolean {
    return this.#horizon === undefined || untilMs < this.#horizon.dueMs || this.nextDue <= untilMs
  }

  /** When the next timer that is here is due; Infinity without one. */
  get nextDue(): number {
    return this.#index.lowestRank ?? Number.POSITIVE_INFINITY
  }

  /** From which time on there may be timers that are not here; Infinity when all are. */
  get horizonMs(): number {
    return this.#horizon?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Returns the keys of the timers that are due next. */
  next(limit: number, untilMs: number): readonly string[] {
    return this.#index.first(limit, untilMs)
  }

  /** Notes when the timer of a key is due; null without one. */
  set(key: string, dueMs: number | null): void {
    const isHere = dueMs !== null && this.#isWithin({ dueMs, key })
    if (isHere) {
      this.#due.set(key, dueMs)
      this.#index.set(key, dueMs)
      if (this.#due.size > MAX_TIMERS) this.#cut()
    } else if (this.#due.delete(key)) this.#index.delete(key)
  }

  /**
   * Replaces the timers by those that the store has next. All changes must be committed.
   * @param limit that was asked for: fewer are all that there are
   */
  load(states: readonly KeyedState[], limit: number): void {
    this.reset()
    const last = states.at(-1)
    const isAll = states.length < limit || last === undefined || last.dueMs === null
    this.#horizon = isAll ? undefined : { dueMs: last.dueMs, key: last.key }
    for (const { key, dueMs } of states) this.set(key, dueMs)
  }

  /** Forgets all timers: nothing is known before the next `load`. */
  reset(): void {
    this.#index = new OrderedIndex()
    this.#due.clear()
    this.#horizon = { dueMs: Number.NEGATIVE_INFINITY, key: '' }
  }

  #isWithin({ dueMs, key }: Place): boolean {
    const horizon = this.#horizon
    return (
      horizon === undefined ||
      dueMs < horizon.dueMs ||
      (dueMs === horizon.dueMs && compareCodePoints(key, horizon.key) <= 0)
    )
  }

  /** Leaves the later half to the store. */
  #cut(): void {
    const kept = this.#index.first(MAX_TIMERS / 2)
    const last = kept.at(-1)
    const dueMs = last === undefined ? undefined : this.#due.get(last)
    if (last === undefined || dueMs === undefined) return
    const due = new Map(kept.map((key) => [key, this.#due.get(key) ?? dueMs]))
    this.reset()
    this.#horizon = { dueMs, key: last }
    for (const [key, ms] of due) this.set(key, ms)
  }
}
