import { EventsError } from '../errors.ts'
import { within } from '../within.ts'
import type { StopReport } from './api.ts'
import type { BusParts } from './parts.ts'
import { RunningBus } from './running-bus.ts'

type State = 'stopped' | 'starting' | 'running' | 'stopping'

/** The states that may follow each state. */
const NEXT: Readonly<Record<State, readonly State[]>> = {
  stopped: ['starting'],
  starting: ['running', 'stopping', 'stopped'],
  running: ['stopping'],
  stopping: ['stopped'],
}

/**
 * Starts and stops a bus. Overlapping calls of `start` share one start, and overlapping calls of `stop` share one stop and
 * its report.
 *
 * - stopped: entered at first, when a start fails, and when a stop has ended. Subscriptions may be added; everything else fails.
 *   Stopping a stopped bus does nothing. Left by `start`.
 * - starting: entered by `start`. The store is opened and the workers are started. Left for running when that succeeds, for
 *   stopped when it fails, and for stopping by `stop`.
 * - running: entered when a start is done. Left by `stop`.
 * - stopping: entered by `stop`. It first waits for a start that is under way, within the stop's timeout. Then it stops the
 *   workers, whose handlers may publish until they have finished. After that it accepts nothing, writes the accepted events
 *   and closes the store. Always left for stopped, whatever the store and handlers do. A `start` waits for it.
 *
 * A start may outlast the stop that waited for it. It closes what it opened and fails, unless `start` was called again.
 */
export class LifeCycle {
  readonly #parts: BusParts
  #state: State = 'stopped'
  /** Set while running, and while stopping until the workers have stopped. */
  #running: RunningBus | undefined
  #opening: Promise<void> | undefined
  #stopping: Promise<StopReport> | undefined

  constructor(parts: BusParts) {
    this.#parts = parts
  }

  get running(): RunningBus | undefined {
    return this.#running
  }

  /** @throws EventsError EVENTS_STORAGE_* or EVENTS_CONFLICT; EVENTS_NOT_RUNNING if a stop did not wait for it */
  async start(): Promise<void> {
    if (this.#stopping !== undefined) await this.#stopping
    if (this.#state === 'running') return
    this.#enter('starting')
    this.#opening ??= this.#open()
    await this.#opening
  }

  /** Resolves when a start that is under way has succeeded or failed. */
  async started(): Promise<void> {
    // The caller of `start` handles its failure.
    await this.#opening?.catch(() => undefined)
  }

  /** Stops the bus. Always settles, whatever the store and handlers do. */
  stop(timeoutMs: number): Promise<StopReport> {
    this.#stopping ??= this.#stop(timeoutMs).finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  /** The only place that changes the state. A state that may not follow the current one is ignored. */
  #enter(state: State): void {
    if (NEXT[this.#state].includes(state)) this.#state = state
  }

  async #open(): Promise<void> {
    try {
      const running = await RunningBus.open(this.#parts)
      if (this.#isGivenUp) {
        await running.close(0, {})
        throw new EventsError('EVENTS_NOT_RUNNING', 'The event bus was stopped while it was starting')
      }
      this.#running = running
      this.#enter('running')
    } catch (error) {
      // A stop that waits for this start ends by itself.
      if (!this.#isStopping) this.#enter('stopped')
      throw error
    } finally {
      this.#opening = undefined
    }
  }

  async #stop(timeoutMs: number): Promise<StopReport> {
    const deadline = performance.now() + timeoutMs
    const remaining = () => Math.max(0, deadline - performance.now())
    this.#enter('stopping')
    try {
      await within(timeoutMs, this.started())
      const running = this.#running
      if (running === undefined)
        return { drained: true, unwritten: 0, unhandled: {}, closed: this.#opening === undefined }
      // Handlers of durable subscriptions, and other workers, may publish until they have finished.
      const unhandled = await this.#parts.workers.stop(remaining())
      this.#running = undefined
      return await running.close(remaining(), unhandled)
    } finally {
      this.#enter('stopped')
    }
  }

  // Getters: otherwise TypeScript would assume that a check before an `await` still holds.
  get #isGivenUp(): boolean {
    return this.#state === 'stopped'
  }

  get #isStopping(): boolean {
    return this.#state === 'stopping'
  }
}
