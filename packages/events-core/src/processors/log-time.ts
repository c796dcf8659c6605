import type { StoredEvent } from '../event/event.ts'
import { parseTimestamp } from '../event/timestamp.ts'

/** Returns when an event was recorded, in milliseconds since 1970. */
export function recordedMs({ recorded_at }: StoredEvent): number {
  return parseTimestamp(recorded_at) ?? 0
}

/**
 * The time of the log as a processor has examined it: events come with the times at which they were recorded, which never go
 * back as positions go on. Where nothing comes, the store's clock moves it.
 */
export class LogTime {
  readonly #clock: () => number
  #now = Number.NEGATIVE_INFINITY
  /** What the store's clock has certainly reached, less the monotonic clock at that moment. */
  #offset = Number.NEGATIVE_INFINITY
  #mark: { readonly position: number; readonly ms: number } | undefined

  /** @param clock this process's, which may be wrong */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Everything recorded before it was examined. */
  get now(): number {
    return this.#now
  }

  /** About what the store's clock shows. A guess: only a commit knows. */
  get storeClock(): number {
    return Math.max(this.#clock(), this.#offset + performance.now())
  }

  /** Notes that the store's clock has reached a time, and that all that was recorded before it was examined. */
  reach(ms: number): void {
    this.#now = Math.max(this.#now, ms)
    this.#offset = Math.max(this.#offset, ms - performance.now())
  }

  /** Notes the newest event of the log, matching or not: once it was examined, its time is reached. */
  mark(event: StoredEvent): void {
    this.#mark = { position: event.position, ms: recordedMs(event) }
  }

  /** Notes that the log was examined up to a position. */
  examine(position: number): void {
    if (this.#mark === undefined || position < this.#mark.position) return
    this.reach(this.#mark.ms)
    this.#mark = undefined
  }
}
