import { PausableReader } from '../bus/tail/pausable-reader.ts'
import { Signal } from '../bus/tail/signal.ts'
import type { LeaseHolder } from '../bus/workers/lease-holder.ts'
import type { BusHost } from '../bus/workers/worker.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { PartitionKey } from '../storage/contract/subscriptions.ts'
import { within } from '../within.ts'
import { Committer, Refused } from './committer.ts'
import { PartitionWork, type ProcessorFigures } from './partition-work.ts'
import type { ProcessorSettings } from './processor.ts'
import { StepTimeout } from './step-runner.ts'

export interface ProcessorRunOptions {
  readonly settings: ProcessorSettings
  readonly partition: PartitionKey
  readonly host: BusHost
  readonly storage: EventStorage
  readonly lease: LeaseHolder
}

const RETRY_MS = 250
const FINAL_COMMIT_MS = 2_000
const MAX_PAUSE_MS = 60_000
const NO_FIGURES: ProcessorFigures = { keys: 0, state_bytes: 0, shed: 0, errors: 0 }

/**
 * Runs one partition of a processor for as long as its lease holds.
 *
 * - running: entered at the start. Events are read in order. Before an event, the timers are called that are due when it was
 *   recorded. What calls did is committed together: state, timers, outputs, dead letters and position.
 * - leaving: entered by `stop`, or when another process claims the lease. What was done is committed, and the lease released.
 * - ended: entered from leaving, when the lease is lost, and when the subscription is gone. What was not committed never
 *   happened: the next holder does it again, and to the same effect.
 */
export class ProcessorRun {
  readonly #options: ProcessorRunOptions
  readonly #signal = new Signal()
  readonly #reader: PausableReader
  readonly #committer: Committer
  #work: PartitionWork | undefined
  #state: 'running' | 'leaving' | 'ended' = 'running'
  #isGone = false
  #progressedAt = performance.now()
  /** Calls in a row that did not return, and when the last of them was ended. */
  #timeouts = 0
  #timedOutAt = Number.NEGATIVE_INFINITY
  readonly #stopped = Promise.withResolvers<void>()
  readonly #done = Promise.withResolvers<void>()

  constructor(options: ProcessorRunOptions) {
    const { settings, host } = options
    this.#options = options
    this.#reader = new PausableReader(
      (after, signal) => host.read(settings.filter, after, signal),
      this.#signal,
    )
    this.#committer = new Committer(options)
  }

  /** The last position that is committed. */
  get position(): number {
    return this.#committer.position
  }

  get figures(): ProcessorFigures {
    return this.#work?.figures ?? NO_FIGURES
  }

  /** Events that were handled and committed. */
  get events(): number {
    return this.#work?.events ?? 0
  }

  /** When calls were last committed, in milliseconds since 1970. */
  get lastRunMs(): number | undefined {
    return this.#work?.lastRunMs
  }

  /** Whether it ended because its subscription was deleted or renamed. */
  get isGone(): boolean {
    return this.#isGone
  }

  get paused(): boolean {
    return this.#work?.paused ?? false
  }

  /** Whether there is something to do, and nothing got on for so long. */
  isStalled(forMs: number): boolean {
    return !this.paused && !this.#reader.isIdle && performance.now() - this.#progressedAt >= forMs
  }

  /** Resolves when the lease is lost, after `stop`, and when the subscription is gone. Never rejects. */
  async run(): Promise<void> {
    const keeping = this.#keepLease()
    while (this.#state === 'running') {
      try {
        await this.#runOnce()
      } catch (error) {
        await this.#failed(error)
      }
      this.#reader.close()
    }
    this.#enter('ended')
    this.#done.resolve()
    await keeping
  }

  /** Commits what was done, and releases the lease. @returns whether it ended in time */
  async stop(timeoutMs: number): Promise<boolean> {
    this.#enter('leaving')
    this.#stopped.resolve()
    this.#signal.notify()
    const isDone =
      (await within(
        timeoutMs,
        this.#done.promise.then(() => true),
      )) ?? false
    this.#enter('ended')
    this.#committer.close()
    return isDone
  }

  async #runOnce(): Promise<void> {
    const committer = this.#committer
    const work = await PartitionWork.load(
      { ...this.#options, committer, isWanted: () => this.#state === 'running' },
      this.#work,
    )
    if (work === undefined) {
      const { host, settings } = this.#options
      host.logger.warn({ processor: settings.name }, 'The subscription of a processor was deleted or renamed')
      this.#isGone = true
      this.#enter('ended')
      return
    }
    this.#work = work
    while (this.#state === 'running') {
      if (work.paused) await this.#waitForResume(work)
      else await this.#workOn(work)
      if (work.isClaimed) this.#enter('leaving')
    }
    if (this.#hasToLeave) await this.#leave(work)
  }

  async #workOn(work: PartitionWork): Promise<void> {
    const { lease } = this.#options
    const waitMs = Math.ceil(Math.max(1, Math.min(work.idleMs, lease.dueInMs)))
    const item = await this.#reader.next(work.position, waitMs)
    if (item !== undefined) await work.admit(item)
    if (this.#state !== 'running') return
    const idlePosition = this.#reader.idlePosition
    if (idlePosition !== undefined) work.examine(idlePosition)
    await work.callDue()
    const isRenewal = lease.dueInMs === 0
    if (work.isFull || isRenewal || (work.hasOutputs && this.#reader.isIdle)) await work.commit()
    if (idlePosition !== undefined && this.#reader.isIdle) await work.moveTime(isRenewal)
    this.#progressedAt = performance.now()
    await work.steps.yield()
  }

  async #waitForResume(work: PartitionWork): Promise<void> {
    this.#reader.close()
    const { lease } = this.#options
    await this.#signal.wait(Math.ceil(Math.max(1, lease.dueInMs)))
    if (lease.dueInMs === 0) await work.commit()
  }

  async #leave(work: PartitionWork): Promise<void> {
    const { lease, host, settings } = this.#options
    const leave = async () => {
      await work.commit()
      await lease.release()
      return true
    }
    if ((await within(FINAL_COMMIT_MS, leave())) === undefined)
      host.logger.warn({ processor: settings.name }, 'The last commit of a processor got no answer')
    this.#enter('ended')
  }

  /** Keeps the lease while something takes long, as a read of much history does. */
  async #keepLease(): Promise<void> {
    const { lease } = this.#options
    while (this.#state !== 'ended') {
      await within(lease.renewalMs / 2, this.#done.promise)
      if (this.#hasEnded || !lease.isOverdue) continue
      try {
        if ((await lease.renew()) === undefined) this.#enter('ended')
      } catch (error) {
        this.#storageFailed(error)
      }
    }
    this.#signal.notify()
  }

  /** What is not committed is forgotten. What went wrong decides what comes next. */
  async #failed(error: unknown): Promise<void> {
    if (error instanceof Refused && error.reason === 'lease_lost') {
      this.#enter('ended')
      return
    }
    const calls = this.#work?.calls ?? 0
    if (error instanceof StepTimeout) this.#countTimeout(calls)
    if (error instanceof StepTimeout || error instanceof Refused) this.#committer.isolate(calls + 1)
    else this.#storageFailed(error)
    if (error instanceof Refused && calls === 1) this.#work?.steps.refuseLast(error.cause)
    if (this.#state === 'leaving') this.#enter('ended')
    else await within(error instanceof StepTimeout ? this.#timeoutPauseMs : RETRY_MS, this.#stopped.promise)
  }

  #countTimeout(callsBefore: number): void {
    const now = performance.now()
    const isFirst = callsBefore > 1 || now - this.#timedOutAt > 2 * MAX_PAUSE_MS
    this.#timeouts = isFirst ? 1 : this.#timeouts + 1
    this.#timedOutAt = now
  }

  /** One call that does not return is done with; if one after the other does not, the process must get to do something else. */
  get #timeoutPauseMs(): number {
    const { stepTimeoutMs } = this.#options.settings
    return this.#timeouts < 3 ? 0 : Math.min(MAX_PAUSE_MS, stepTimeoutMs * 2 ** (this.#timeouts - 2))
  }

  // Getters, or TypeScript would take what was checked before an `await` as still true.
  get #hasToLeave(): boolean {
    return this.#state === 'leaving'
  }

  get #hasEnded(): boolean {
    return this.#state === 'ended'
  }

  /** The only place that changes the state. */
  #enter(state: 'leaving' | 'ended'): void {
    if (this.#state !== 'ended') this.#state = state
  }

  #storageFailed(err: unknown): void {
    const { host, settings } = this.#options
    host.metrics.storageError('processor')
    host.logger.warn({ err, processor: settings.name }, 'A processor cannot reach the store; retrying')
  }
}
