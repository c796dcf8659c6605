import { setTimeout as sleep } from 'node:timers/promises'
import { type EventsError, isEventsError } from '../../errors.ts'
import { Fifo } from '../../fifo.ts'
import type { AppendResult, EventRecord } from '../../storage/contract/storage.ts'
import { backoffMs } from '../backoff.ts'
import type { LogWriter } from './log-writer.ts'
import type { WriteGroup } from './write-group.ts'

export interface GroupCommitOptions {
  readonly log: LogWriter
  /** Groups are never split, so one that is larger than this is a batch of its own. */
  readonly batchEvents: number
  /** Takes the groups of a batch that is stored, in the order in which they were added. Never throws. */
  readonly stored: (groups: readonly WriteGroup[], result: AppendResult) => void
  /** Takes a group that the store refuses for good. */
  readonly refused: (group: WriteGroup, error: EventsError) => void
}

/** Groups that the store has together, and its answer, which is never rejected. */
interface Batch {
  readonly groups: readonly WriteGroup[]
  readonly answer: Promise<AppendResult | EventsError>
}

/** A second batch goes out while another is being written only if it is so large: small ones cost more than they gain. */
const PIPELINED_EVENTS = 250
const MAX_IN_FLIGHT = 2
const FIRST_BACKOFF_MS = 25
const MAX_BACKOFF_MS = 1_000

/**
 * Writes what waits in batches, in order. What is added while a batch is being written goes out together as the next one.
 *
 * Under load two halves take turns, where the store allows it: publishers of one are answered, and publish again, while
 * the other is being written. When a batch fails, those behind it were refused; they are then written one after the other
 * until each group is settled, and a failure that passes is waited for.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #waiting = new Fifo<WriteGroup>()
  #waitingEvents = 0
  #scheduled = false
  #inFlight: Batch[] = []
  /** Ends when the batches that were sent so far have been dealt with. */
  #settled: Promise<void> = Promise.resolve()
  /** What is tried again, or will be: nothing is sent until all of it is settled. */
  #failed: readonly WriteGroup[] = []

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** Whether something is ahead of what would be added now. */
  get isBusy(): boolean {
    return this.#scheduled || this.#inFlight.length > 0 || this.#failed.length > 0
  }

  /** Groups that may be with the store; those that were answered already are among them. */
  get writing(): readonly WriteGroup[] {
    return [...this.#inFlight.flatMap((batch) => batch.groups), ...this.#failed]
  }

  get waiting(): Iterable<WriteGroup> {
    return this.#waiting
  }

  /** What is added in the same turn goes out together. */
  add(group: WriteGroup): void {
    this.#waiting.push(group)
    this.#waitingEvents += group.drafts.length
    if (this.#scheduled || !this.#mayBegin()) return
    this.#scheduled = true
    queueMicrotask(this.#begin)
  }

  #mayBegin(): boolean {
    if (this.#failed.length > 0 || this.#waitingEvents === 0) return false
    const inFlight = this.#inFlight.length
    if (inFlight === 0) return true
    return (
      this.#options.log.isPipelined && inFlight < MAX_IN_FLIGHT && this.#waitingEvents >= PIPELINED_EVENTS
    )
  }

  readonly #begin = (): void => {
    this.#scheduled = false
    while (this.#mayBegin()) {
      const groups = this.#nextBatch()
      if (groups.length > 0) this.#send(groups)
    }
  }

  #nextBatch(): readonly WriteGroup[] {
    const limit = this.#nextLimit()
    const groups: WriteGroup[] = []
    let events = 0
    for (let group = this.#waiting.peek(); group !== undefined; group = this.#waiting.peek()) {
      if (events > 0 && events + group.drafts.length > limit) break
      this.#waiting.shift()
      this.#waitingEvents -= group.drafts.length
      if (group.state === 'settled') continue
      group.state = 'writing'
      groups.push(group)
      events += group.drafts.length
    }
    return groups
  }

  /** The first of two batches takes half of what there is for both. */
  #nextLimit(): number {
    const { batchEvents, log } = this.#options
    const half = Math.ceil(this.#waitingEvents / MAX_IN_FLIGHT)
    const isFirstOfTwo = log.isPipelined && this.#inFlight.length === 0 && half >= PIPELINED_EVENTS
    return isFirstOfTwo ? Math.min(half, batchEvents) : batchEvents
  }

  #send(groups: readonly WriteGroup[]): void {
    const batch = { groups, answer: this.#write(groups, this.#inFlight.length > 0) }
    this.#inFlight.push(batch)
    this.#settled = this.#settled.then(() => this.#settle(batch))
  }

  async #settle(batch: Batch): Promise<void> {
    const answer = await batch.answer
    // Dealt with already, after a failure of the one before it.
    if (this.#inFlight[0] !== batch) return
    if (isEventsError(answer)) await this.#recover(answer)
    else this.#complete(batch, answer)
    this.#begin()
  }

  #complete(batch: Batch, result: AppendResult): void {
    this.#inFlight.shift()
    this.#options.stored(batch.groups, result)
  }

  async #write(groups: readonly WriteGroup[], behind: boolean): Promise<AppendResult | EventsError> {
    const records: EventRecord[] = []
    for (const group of groups) for (const record of group.records) records.push(record)
    return this.#options.log.write(records, behind)
  }

  /** @param error why the first batch in flight failed */
  async #recover(error: EventsError): Promise<void> {
    const batches = this.#inFlight
    this.#inFlight = []
    this.#failed = batches.flatMap((batch) => batch.groups)
    // Those behind it are refused, but they have to say so before they are sent again.
    await Promise.all(batches.map((batch) => batch.answer))
    let failure: EventsError | undefined = error
    for (const { groups } of batches) {
      await this.#retry(groups, failure)
      failure = undefined
    }
    this.#failed = []
  }

  /** Returns when each group is settled. @param failure of the try before */
  async #retry(groups: readonly WriteGroup[], failure: EventsError | undefined): Promise<void> {
    let error = failure
    for (let failures = 0; ; failures++) {
      const open = groups.filter((group) => group.state !== 'settled')
      if (open.length === 0) return
      const answer = error ?? (await this.#write(open, false))
      if (!isEventsError(answer)) return this.#options.stored(open, answer)
      if (!answer.retryable) return this.#isolate(open, answer)
      await sleep(backoffMs(failures, FIRST_BACKOFF_MS, MAX_BACKOFF_MS))
      error = undefined
    }
  }

  /** One bad record must not fail its neighbours. */
  async #isolate(groups: readonly WriteGroup[], error: EventsError): Promise<void> {
    const [only, ...others] = groups
    if (only !== undefined && others.length === 0) return this.#options.refused(only, error)
    for (const group of groups) await this.#retry([group], undefined)
  }
}
