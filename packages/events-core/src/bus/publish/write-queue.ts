import { EventsError } from '../../errors.ts'
import type { PublishedEvent } from '../../event/event.ts'
import { Fifo } from '../../fifo.ts'
import type { DropReason, EventMetrics } from '../../metrics/metrics.ts'
import type { AppendResult, EventStorage } from '../../storage/contract/storage.ts'
import type { Overflow, PublishOptions, PublishReceipt } from '../api.ts'
import { keepFrom, withdrawOn } from './abort.ts'
import type { EventDraft } from './draft.ts'
import { GroupCommit } from './group-commit.ts'
import { LogWriter } from './log-writer.ts'
import { isStored, notStored, outcomeUnknown, WriteGroup } from './write-group.ts'

export interface WriteQueueOptions {
  readonly storage: EventStorage
  readonly metrics: EventMetrics
  readonly bufferEvents: number
  readonly bufferBytes: number
  readonly batchEvents: number
  readonly publishTimeoutMs: number
  readonly overflow: Overflow
  /** The last position that the store had assigned before. */
  readonly lastPosition: number
  /** Receives the events that are stored or live only, in publish order. Never throws. */
  readonly deliver: (events: readonly PublishedEvent[]) => void
  /** Called for each loss that is not reported to a publisher, so that it is counted and logged. */
  readonly dropped: (reason: DropReason, count: number, error?: EventsError) => void
}

const DEADLINE_CHECK_MS = 25

/**
 * Holds published events until the store has them.
 *
 * A group (one `publish`, or all of one `publishMany`) enters at the back, is written together with its neighbours, and
 * leaves settled: stored, rejected, or timed out (`WriteGroup` defines its states). Positions follow the order of the
 * calls. While the store fails for a temporary reason, the same groups are retried, except those that have timed out.
 * Publishers that wait are slowed down by waiting; `offer`, for which nobody waits, is held to the buffer's bounds.
 *
 * - open: the initial state. Accepts groups. Left by `close`.
 * - closing: entered by `close`. Accepts no more groups, and writes the present ones until the deadline of the close, which
 *   becomes theirs; groups that time out count as unwritten. Left when every group is settled.
 * - closed: entered from closing, and never left. No group waits, and no timer runs.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  readonly #log: LogWriter
  readonly #commits: GroupCommit
  /** The groups that 'drop-oldest' may drop, in order; those that are no longer queued are skipped. */
  readonly #droppable = new Fifo<WriteGroup>()
  readonly #idle: (() => void)[] = []
  #events = 0
  #bytes = 0
  #unsettled = 0
  #watching: NodeJS.Timeout | undefined
  #unwritten = 0
  #state: 'open' | 'closing' | 'closed' = 'open'
  /**
   * Live-only events passed on in this turn. After a batch of them, the subscribers, whose queues are bounded, get a turn.
   */
  #passedOn = 0

  constructor(options: WriteQueueOptions) {
    this.#options = options
    this.#log = new LogWriter(options.storage, options.metrics, options.lastPosition)
    this.#commits = new GroupCommit({
      log: this.#log,
      batchEvents: options.batchEvents,
      stored: (groups, result) => this.#complete(groups, result),
      refused: (group, error) => this.#giveUp(group, error),
    })
  }

  /** Events that wait to be written or are being written. */
  get size(): number {
    return this.#events
  }

  /** The error of the last write; undefined while writes succeed. */
  get failure(): EventsError | undefined {
    return this.#log.failure
  }

  /** The age of the batch that the store has not answered; 0 if there is none. */
  get oldestWriteMs(): number {
    return this.#log.oldestWriteMs
  }

  /**
   * Stores the drafts, all of them or none, and resolves with their receipts.
   * @throws EventsError EVENTS_BUFFER_FULL or EVENTS_STORAGE_* after the timeout; EVENTS_NOT_RUNNING after `close`; the
   *   signal's reason
   */
  write(drafts: readonly EventDraft[], options: PublishOptions): Promise<readonly PublishReceipt[]> {
    this.#requireOpen()
    const { signal, timeoutMs = this.#options.publishTimeoutMs } = options
    // Not every realm's signals have `throwIfAborted`.
    if (signal?.aborted) throw signal.reason
    if (this.#isClear && !drafts.some(isStored)) {
      this.#options.metrics.publishDuration(0)
      return Promise.resolve(this.#passOn(drafts))
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly PublishReceipt[]>()
    const group = new WriteGroup(drafts, timeoutMs, { resolve, reject }, signal)
    if (signal !== undefined) withdrawOn(signal, group, this.#withdraw)
    this.#enqueue(group)
    return promise
  }

  /** Withdraws a group if it is queued: a write that has begun cannot be undone. */
  readonly #withdraw = (group: WriteGroup, reason: unknown): void => {
    if (group.state === 'queued') this.#giveUp(group, reason)
  }

  /**
   * Accepts a draft for which no publisher waits. If the buffer is full, the overflow policy decides.
   * @throws EventsError EVENTS_BUFFER_FULL with the policy 'reject'; EVENTS_NOT_RUNNING after `close`
   */
  offer(draft: EventDraft): void {
    this.#requireOpen()
    if (this.#isClear && !draft.stored) {
      this.#passOnOne(draft)
      return
    }
    const group = new WriteGroup([draft], Number.POSITIVE_INFINITY)
    if (this.#isFull() && !(this.#options.overflow === 'drop-oldest' && this.#dropOldest())) {
      const error = this.#fullError()
      this.#options.dropped('buffer_full', 1, error)
      if (this.#options.overflow === 'reject') throw error
      return
    }
    if (this.#options.overflow === 'drop-oldest') this.#noteDroppable(group)
    this.#enqueue(group)
  }

  /** Writes the remaining groups until `performance.now()` reaches `deadline`. Returns the number of unstored events. */
  async close(deadline: number): Promise<number> {
    this.#enter('closing')
    const { waiting, writing } = this.#commits
    for (const group of [...waiting, ...writing]) group.deadline = Math.min(group.deadline, deadline)
    if (this.#unsettled > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    this.#enter('closed')
    return this.#unwritten
  }

  /** The only place that changes the state. */
  #enter(state: 'closing' | 'closed'): void {
    if (this.#state !== 'closed') this.#state = state
    if (state === 'closed') this.#stopWatching()
  }

  /** Needed because background work that outlasts its stop may still publish. */
  #requireOpen(): void {
    if (this.#state !== 'open')
      throw new EventsError('EVENTS_NOT_RUNNING', 'The event bus has stopped: nothing more is stored')
  }

  /** True if live-only events may bypass the queue: nothing is ahead of them. */
  get #isClear(): boolean {
    return !this.#commits.isBusy && this.#passedOn < this.#options.batchEvents
  }

  #passOn(drafts: readonly EventDraft[]): readonly PublishReceipt[] {
    return drafts.map((draft) => {
      this.#passOnOne(draft)
      return { id: draft.event.id, duplicate: false }
    })
  }

  #passOnOne({ event }: EventDraft): void {
    if (this.#passedOn++ === 0) queueMicrotask(this.#endTurn)
    Object.freeze(event)
    this.#options.deliver([event])
  }

  readonly #endTurn = (): void => {
    this.#passedOn = 0
  }

  #enqueue(group: WriteGroup): void {
    this.#unsettled++
    this.#events += group.drafts.length
    this.#bytes += group.bytes
    this.#watching ??= setInterval(() => this.#checkDeadlines(), DEADLINE_CHECK_MS)
    this.#commits.add(group)
  }

  #complete(groups: readonly WriteGroup[], { receipts, recordedAt }: AppendResult): void {
    const fresh: PublishedEvent[] = []
    const now = performance.now()
    let first = 0
    for (const group of groups) {
      // A group that timed out while it was being written is already out of the counts.
      const isCounted = group.state !== 'settled'
      group.complete(receipts, first, recordedAt)
      first += group.records.length
      if (isCounted) this.#leave(group, now)
      for (const draft of group.drafts) if (!draft.duplicate) fresh.push(draft.event)
    }
    this.#options.deliver(fresh)
  }

  #checkDeadlines(): void {
    const now = performance.now()
    const last = this.#log.failure
    // A permanent rejection concerned another group.
    const failure = last?.retryable ? last : undefined
    // Between attempts it is certain that nothing was stored; during an attempt it is not, however the last one ended.
    const reason = this.#log.isWriting ? undefined : failure
    for (const group of this.#commits.writing) {
      if (group.deadline <= now) this.#giveUp(group, reason ?? outcomeUnknown(group.drafts))
    }
    for (const group of this.#commits.waiting) {
      if (group.deadline <= now) this.#giveUp(group, failure ?? this.#lateError(group))
    }
    if (this.#unsettled === 0) this.#stopWatching()
  }

  #stopWatching(): void {
    clearInterval(this.#watching)
    this.#watching = undefined
  }

  #giveUp(group: WriteGroup, reason: unknown): void {
    if (group.state === 'settled') return
    const isOpen = this.#state === 'open'
    if (!isOpen) this.#unwritten += group.drafts.length
    if (!group.awaited) this.#options.dropped(isOpen ? 'storage' : 'stopped', group.drafts.length)
    this.#fail(group, reason)
  }

  #fail(group: WriteGroup, reason: unknown): void {
    group.fail(reason)
    this.#leave(group, performance.now())
  }

  /** Called once for each group, when it is settled. */
  #leave(group: WriteGroup, now: number): void {
    if (group.awaited) this.#options.metrics.publishDuration((now - group.began) / 1_000)
    if (group.signal !== undefined) keepFrom(group.signal, group)
    this.#events -= group.drafts.length
    this.#bytes -= group.bytes
    this.#unsettled--
    if (this.#unsettled === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #isFull(): boolean {
    return this.#events >= this.#options.bufferEvents || this.#bytes >= this.#options.bufferBytes
  }

  /** Adds a group, and first removes those that have left the queue: groups leave in order, so they are at the front. */
  #noteDroppable(group: WriteGroup): void {
    while (this.#droppable.peek() !== undefined && this.#droppable.peek()?.state !== 'queued')
      this.#droppable.shift()
    this.#droppable.push(group)
  }

  #dropOldest(): boolean {
    for (let group = this.#droppable.shift(); group !== undefined; group = this.#droppable.shift()) {
      if (group.state !== 'queued') continue
      const { drafts } = group
      this.#fail(group, undefined)
      this.#options.dropped('buffer_full', drafts.length)
      return true
    }
    return false
  }

  /** Returns the error for a group that was not written in time. */
  #lateError({ drafts, began }: WriteGroup): EventsError {
    const isSilent = this.#log.answeredAt < began
    return isSilent ? notStored(drafts, this.#log.oldestWriteMs) : this.#fullError()
  }

  #fullError(): EventsError {
    const { bufferEvents, bufferBytes } = this.#options
    return new EventsError(
      'EVENTS_BUFFER_FULL',
      `The write buffer is full (${this.#events} of ${bufferEvents} events, ${this.#bytes} of ${bufferBytes} bytes): publish more slowly, or raise bufferEvents or bufferBytes`,
    )
  }
}
