import { EventsError } from '../../errors.ts'
import type { PublishedEvent } from '../../event/event.ts'
import type { AppendReceipt, AppendResult } from '../../storage/contract/storage.ts'
import type { PublishReceipt } from '../api.ts'
import type { EventDraft } from './draft.ts'

interface Waiter {
  readonly resolve: (receipts: readonly PublishReceipt[]) => void
  readonly reject: (reason: unknown) => void
}

/**
 * The drafts of one publish call: stored together or not at all.
 *
 * - queued: the initial state. The group may be dropped or withdrawn: nothing of it is stored. Left for writing when its
 *   batch begins, and for settled if it times out, is dropped or is withdrawn before that.
 * - writing: entered by `begin`. The store may have it, so it cannot be withdrawn. Left for settled when the store has
 *   answered, or when its deadline has passed: then it is unknown whether it is stored.
 * - settled: entered by `complete` and `fail`, and never left. Its publisher has a result; later results are ignored.
 */
export class WriteGroup {
  readonly drafts: readonly EventDraft[]
  /** The drafts that go to the store; the others are for live subscribers only. */
  readonly records: readonly EventDraft[]
  readonly bytes: number
  /** `performance.now()` when it was published. */
  readonly began: number
  /** `performance.now()` after which the publisher no longer waits. */
  deadline: number
  /** Withdraws the group when it aborts. */
  readonly signal: AbortSignal | undefined
  #state: 'queued' | 'writing' | 'settled' = 'queued'
  readonly #waiter: Waiter | undefined

  /**
   * @param waiter receives the receipts; absent for `publishAsync`
   * @param signal withdraws the group when it aborts
   */
  constructor(drafts: readonly EventDraft[], timeoutMs: number, waiter?: Waiter, signal?: AbortSignal) {
    this.drafts = drafts
    this.records = drafts.every(isStored) ? drafts : drafts.filter(isStored)
    let bytes = 0
    for (const draft of drafts) bytes += draft.bytes
    this.bytes = bytes
    this.began = performance.now()
    this.deadline = this.began + timeoutMs
    this.#waiter = waiter
    this.signal = signal
  }

  get state(): 'queued' | 'writing' | 'settled' {
    return this.#state
  }

  /** True if a publisher waits for the result. */
  get awaited(): boolean {
    return this.#waiter !== undefined
  }

  /** Records that its batch is passed to the store. */
  begin(): void {
    this.#enter('writing')
  }

  /**
   * Writes the positions and `recorded_at` that the store assigned into the events, freezes them, and resolves the
   * publisher's promise. A group that timed out while it was being written still gets its positions.
   * @param first the index of the first receipt of `records`, which follow in order
   */
  complete(receipts: readonly AppendReceipt[], first: number, recordedAt: string): void {
    let at = first
    const answer: PublishReceipt[] = []
    for (const draft of this.drafts)
      answer.push(completed(draft, draft.stored ? receipts[at++] : undefined, recordedAt))
    this.#enter('settled')
    this.#waiter?.resolve(answer)
  }

  fail(reason: unknown): void {
    this.#enter('settled')
    this.#waiter?.reject(reason)
  }

  /** The only place that changes the state. */
  #enter(state: 'writing' | 'settled'): void {
    if (this.#state !== 'settled') this.#state = state
  }
}

/** Completes events that were stored outside a group. @returns the events that are not duplicates */
export function completeDrafts(
  drafts: readonly EventDraft[],
  { receipts, recordedAt }: AppendResult,
): readonly PublishedEvent[] {
  for (const [index, draft] of drafts.entries()) completed(draft, receipts[index], recordedAt)
  return drafts.filter((draft) => !draft.duplicate).map((draft) => draft.event)
}

/** Makes an event final before subscribers get it. @param receipt undefined for an event that is not stored */
function completed(
  draft: EventDraft,
  receipt: AppendReceipt | undefined,
  recordedAt: string,
): PublishReceipt {
  const { event } = draft
  if (receipt === undefined) {
    Object.freeze(event)
    return { id: event.id, duplicate: false }
  }
  const { position, duplicate } = receipt
  event.position = position
  event.recorded_at = recordedAt
  draft.duplicate = duplicate
  Object.freeze(event)
  return { id: event.id, position, duplicate }
}

export function isStored(draft: EventDraft): boolean {
  return draft.stored
}

/** Creates the error for a publisher whose deadline passed while its events were being written. */
export function outcomeUnknown(drafts: readonly EventDraft[]): EventsError {
  return new EventsError(
    'EVENTS_STORAGE_UNAVAILABLE',
    `The store did not answer in time: ${named(drafts)} may or may not be stored; publishing again with the same id is safe`,
  )
}

/** Creates the error for a publisher whose deadline passed behind a write that the store has not answered. */
export function notStored(drafts: readonly EventDraft[], silentMs: number): EventsError {
  const verb = drafts.length > 1 ? 'were' : 'was'
  return new EventsError(
    'EVENTS_STORAGE_UNAVAILABLE',
    `The store has not answered a write for ${Math.round(silentMs)} ms: ${named(drafts)} ${verb} not stored; publish again later`,
  )
}

function named(drafts: readonly EventDraft[]): string {
  const [first] = drafts
  return drafts.length > 1 ? `${drafts.length} events` : `event '${first?.event.id}'`
}
