import { formatTimestamp, MAX_TIMESTAMP_MS } from '../event/timestamp.ts'
import type { JobProgress } from './job.ts'
import { MAX_TEXT } from './job-limits.ts'

/** Measures the rate of one attempt and estimates its end. */
export class ProgressMeter {
  readonly #clock: () => number
  readonly #doneBefore: number
  readonly #beganAt = performance.now()
  #progress: JobProgress

  /** @param clock returns the time in milliseconds since 1970 */
  constructor(before: JobProgress, clock: () => number) {
    this.#progress = before
    this.#doneBefore = before.done
    this.#clock = clock
  }

  /** The last progress that was set; another object each time. */
  get progress(): JobProgress {
    return this.#progress
  }

  /** @throws TypeError for a number that is not finite, and for a note that is not a string or is too long */
  set(done: number, total: number | null = this.#progress.total, note: string = this.#progress.note): void {
    if (!Number.isFinite(done) || !(total === null || Number.isFinite(total)))
      throw new TypeError('progress(done, total) takes finite numbers')
    if (typeof note !== 'string' || note.length > MAX_TEXT)
      throw new TypeError(`progress(done, total, note) takes a note of at most ${MAX_TEXT} characters`)
    const seconds = (performance.now() - this.#beganAt) / 1_000
    const perSecond = (done - this.#doneBefore) / seconds
    // Finite numbers may have an infinite difference or quotient, which JSON cannot express.
    const rate = perSecond > 0 && Number.isFinite(perSecond) ? perSecond : null
    this.#progress = { done, total, note, rate, eta: this.#eta(rate, total === null ? null : total - done) }
  }

  /** Returns null also for a time that RFC 3339 cannot express. */
  #eta(rate: number | null, left: number | null): string | null {
    if (rate === null || left === null) return null
    const ms = this.#clock() + (Math.max(0, left) / rate) * 1_000
    return ms <= MAX_TIMESTAMP_MS ? formatTimestamp(ms) : null
  }
}
