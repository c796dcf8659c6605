import { setTimeout as sleep } from 'node:timers/promises'
import { type EventsError, isEventsError } from '../../errors.ts'
import { Fifo } from '../../fifo.ts'
import type { AppendResult, EventRecord } from '../../storage/contract/storage.ts'
import { backoffMs } from '../backoff.ts'
import type { LogWriter } from './log-writer.ts'
import type { WriteGroup } from './write-group.ts'

export interface GroupCommitOptions {
  readonly log: LogWriter
  /** The maximum number of events in a batch. Groups are never split, so a larger group is a batch of its own. */
  readonly batchEvents: number
  /** Receives the groups of a stored batch, in the order in which they were added. Never throws. */
  readonly stored: (groups: readonly WriteGroup[], result: AppendResult) => void
  /** Receives a group that the store rejects permanently. */
  readonly refused: (group: WriteGroup, error: EventsError) => void
}

const FIRST_BACKOFF_MS = 25
const MAX_BACKOFF_MS = 1_000

/**
 * Writes waiting groups in batches, one at a time and in order. Groups that are added while a batch is being written form
 * the next batch. A batch that fails is retried until each of its groups is settled.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #waiting = new Fifo<WriteGroup>()
  #scheduled = false
  #writing: readonly WriteGroup[] = []

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** True if a group that is added now would have to wait. */
  get isBusy(): boolean {
    return this.#scheduled || this.#writing.length > 0
  }

  /** Groups of the batch that is being written, including those that are already settled. */
  get writing(): readonly WriteGroup[] {
    return this.#writing
  }

  get waiting(): Iterable<WriteGroup> {
    return this.#waiting
  }

  /** Adds a group. Groups that are added in the same turn of the event loop are written together. */
  add(group: WriteGroup): void {
    this.#waiting.push(group)
    if (this.isBusy) return
    this.#scheduled = true
    queueMicrotask(this.#begin)
  }

  readonly #begin = (): void => {
    this.#scheduled = false
    this.#writing = this.#nextBatch()
    if (this.#writing.length > 0) void this.#write()
  }

  #nextBatch(): readonly WriteGroup[] {
    const { batchEvents } = this.#options
    const groups: WriteGroup[] = []
    let events = 0
    for (let group = this.#waiting.peek(); group !== undefined; group = this.#waiting.peek()) {
      if (events > 0 && events + group.drafts.length > batchEvents) break
      this.#waiting.shift()
      if (group.state === 'settled') continue
      group.begin()
      groups.push(group)
      events += group.drafts.length
    }
    return groups
  }

  async #write(): Promise<void> {
    await this.#settle(this.#writing)
    this.#begin()
  }

  /** Resolves when each group is stored or rejected; retries after temporary failures. */
  async #settle(groups: readonly WriteGroup[]): Promise<void> {
    for (let failures = 0; ; failures++) {
      const open = groups.filter((group) => group.state !== 'settled')
      if (open.length === 0) return
      const answer = await this.#append(open)
      if (!isEventsError(answer)) return this.#options.stored(open, answer)
      if (!answer.retryable) return this.#isolate(open, answer)
      await sleep(backoffMs(failures, FIRST_BACKOFF_MS, MAX_BACKOFF_MS))
    }
  }

  #append(groups: readonly WriteGroup[]): Promise<AppendResult | EventsError> {
    const records: EventRecord[] = []
    for (const group of groups) for (const record of group.records) records.push(record)
    return this.#options.log.write(records)
  }

  /** Writes each group on its own: one bad record must not fail its neighbours. */
  async #isolate(groups: readonly WriteGroup[], error: EventsError): Promise<void> {
    const [only, ...others] = groups
    if (only !== undefined && others.length === 0) return this.#options.refused(only, error)
    for (const group of groups) await this.#settle([group])
  }
}
