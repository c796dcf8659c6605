import { EventsError } from '../errors.ts'
import { within } from '../within.ts'
import type { StopReport } from './api.ts'
import type { BusParts } from './parts.ts'
import { RunningBus } from './running-bus.ts'

/** stopped → `start` → running → `stop` → stopped. Calls of the same kind that overlap share one start, or one stop. */
export class LifeCycle {
  readonly #parts: BusParts
  #running: RunningBus | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<StopReport> | undefined
  /** Whether a start was asked for after the last stop. A start may outlast the stop. */
  #isWanted = false

  constructor(parts: BusParts) {
    this.#parts = parts
  }

  get running(): RunningBus | undefined {
    return this.#running
  }

  /** @throws EventsError EVENTS_STORAGE_* or EVENTS_CONFLICT; EVENTS_NOT_RUNNING when a stop did not wait for it */
  async start(): Promise<void> {
    await this.#stopping
    if (this.#running !== undefined) return
    this.#isWanted = true
    this.#starting ??= this.#open().finally(() => {
      this.#starting = undefined
    })
    await this.#starting
  }

  /** Resolves when a start that is under way has ended, however it did. */
  async started(): Promise<void> {
    // A start that fails is its caller's to handle.
    await this.#starting?.catch(() => undefined)
  }

  /** Always settles, whatever the store and handlers do. */
  stop(timeoutMs: number): Promise<StopReport> {
    this.#stopping ??= this.#stop(timeoutMs).finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  async #open(): Promise<void> {
    const running = await RunningBus.open(this.#parts)
    if (this.#isWanted) {
      this.#running = running
      return
    }
    await running.close(0, {})
    throw new EventsError('EVENTS_NOT_RUNNING', 'The event bus was stopped while it started')
  }

  async #stop(timeoutMs: number): Promise<StopReport> {
    const deadline = performance.now() + timeoutMs
    const remaining = () => Math.max(0, deadline - performance.now())
    await within(timeoutMs, this.started())
    this.#isWanted = false
    const running = this.#running
    if (running === undefined)
      return { drained: true, unwritten: 0, unhandled: {}, closed: this.#starting === undefined }
    // Handlers of durable subscriptions, and other workers, may publish until they have finished.
    const unhandled = await this.#parts.workers.stop(remaining())
    this.#running = undefined
    return running.close(remaining(), unhandled)
  }
}
