import type { EventDraft } from '../event-validation.ts'
import type { AppendReceipt } from '../storage/storage.ts'
import type { PublishReceipt } from './options.ts'

interface Waiter {
  readonly resolve: (receipts: readonly PublishReceipt[]) => void
  readonly reject: (reason: unknown) => void
}

/** The drafts of one publish call: stored together or not at all. */
export class WriteGroup {
  readonly drafts: readonly EventDraft[]
  /** The drafts that go to the store; the others are for live subscribers only. */
  readonly records: readonly EventDraft[]
  readonly bytes: number
  /** `performance.now()` after which the publisher no longer waits. */
  deadline: number
  /** Queued groups may be dropped, written ones no more; a settled one has been answered. */
  state: 'queued' | 'writing' | 'settled' = 'queued'
  readonly #waiter: Waiter | undefined

  /** @param waiter who wants the receipts; nobody for `publishAsync` */
  constructor(drafts: readonly EventDraft[], deadline: number, waiter?: Waiter) {
    this.drafts = drafts
    this.records = drafts.every((draft) => draft.stored) ? drafts : drafts.filter((draft) => draft.stored)
    this.bytes = drafts.reduce((sum, draft) => sum + draft.bytes, 0)
    this.deadline = deadline
    this.#waiter = waiter
  }

  /** Whether a publisher learns what becomes of it. */
  get awaited(): boolean {
    return this.#waiter !== undefined
  }

  /** Writes what the store gave into the events and freezes them; the receipts are of `records`, in order. */
  complete(receipts: readonly AppendReceipt[], recordedAt: string): void {
    let at = 0
    const answer = this.drafts.map((draft): PublishReceipt => {
      const receipt = draft.stored ? receipts[at++] : undefined
      if (receipt !== undefined) {
        draft.event.position = receipt.position
        draft.event.recorded_at = recordedAt
        draft.duplicate = receipt.duplicate
      }
      Object.freeze(draft.event)
      const { id } = draft.event
      return receipt === undefined ? { id, duplicate: false } : { id, ...receipt }
    })
    this.state = 'settled'
    this.#waiter?.resolve(answer)
  }

  fail(reason: unknown): void {
    this.state = 'settled'
    this.#waiter?.reject(reason)
  }
}
