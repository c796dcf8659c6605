import type { SubscriptionInfo } from '@viewra/events-core'
import { describeTally, type Tally } from './tally.ts'

const STATES: Readonly<Record<SubscriptionInfo['state'], string>> = {
  running: 'At work',
  waiting: 'Waiting: another enricher is at work, or was until just now',
  paused: 'Paused',
  stalled: 'At work, but without progress for a minute',
}

const FIGURES_INTERVAL_MS = 10_000

/** Prints a line when the state changes, and at intervals the work done since. */
export class StatusLines {
  readonly #write: (line: string) => void
  readonly #now: () => number
  #state: SubscriptionInfo['state'] | undefined
  #figures = ''
  #dueMs = 0

  /** @param now returns milliseconds since any moment; must not go back */
  constructor(write: (line: string) => void, now: () => number = () => performance.now()) {
    this.#write = write
    this.#now = now
  }

  show(state: SubscriptionInfo['state'], tally: Readonly<Tally>): void {
    const figures = describeTally(tally)
    const nowMs = this.#now()
    if (state === this.#state && (figures === this.#figures || nowMs < this.#dueMs)) return
    this.#write(state === this.#state ? figures : STATES[state])
    this.#state = state
    this.#figures = figures
    this.#dueMs = nowMs + FIGURES_INTERVAL_MS
  }
}
