import { EventsError } from '../errors.ts'
import type { EventMetrics } from '../metrics/metrics.ts'
import type { AppendReceipt, AppendResult, EventRecord, EventStorage } from '../storage/storage.ts'

const NOTHING_STORED: AppendResult = { recordedAt: '', receipts: [] }

/** For how long a failure is told when nobody has tried again since. */
const FAILURE_MEMORY_MS = 10_000

/** Writes batches to the store, one at a time, and knows how that went. */
export class LogWriter {
  readonly #storage: EventStorage
  readonly #metrics: EventMetrics
  #lastPosition: number
  #isWriting = false
  #outcomeIsUnknown = false
  #failure: EventsError | undefined
  #failedAt = 0

  /** @param lastPosition that the store had given out before */
  constructor(storage: EventStorage, metrics: EventMetrics, lastPosition: number) {
    this.#storage = storage
    this.#metrics = metrics
    this.#lastPosition = lastPosition
  }

  /** Whether the store has a batch that it has not answered yet. */
  get isWriting(): boolean {
    return this.#isWriting
  }

  /**
   * Why the last try failed; undefined while the store takes writes. It is forgotten after a while without a try: whoever
   * sends no traffic to a store that has failed would never learn that it works again.
   */
  get failure(): EventsError | undefined {
    return performance.now() - this.#failedAt < FAILURE_MEMORY_MS ? this.#failure : undefined
  }

  /** @throws EventsError as `EventLog.append` does, whatever the adapter throws */
  async write(records: readonly EventRecord[]): Promise<AppendResult> {
    if (records.length === 0) return NOTHING_STORED
    const began = performance.now()
    this.#isWriting = true
    try {
      const { recordedAt, receipts } = await this.#storage.append(records)
      return { recordedAt, receipts: this.#succeeded(receipts) }
    } catch (error) {
      throw this.#failed(error)
    } finally {
      this.#isWriting = false
      this.#metrics.storageOperation('append', (performance.now() - began) / 1_000)
    }
  }

  #succeeded(stored: readonly AppendReceipt[]): readonly AppendReceipt[] {
    const receipts = this.#outcomeIsUnknown ? this.#ownReceipts(stored) : stored
    for (const { position } of stored) if (position > this.#lastPosition) this.#lastPosition = position
    this.#outcomeIsUnknown = false
    this.#failure = undefined
    this.#metrics.batchSize(stored.length)
    return receipts
  }

  #failed(error: unknown): EventsError {
    const failure = storageError(error)
    this.#metrics.storageError('append')
    this.#outcomeIsUnknown ||= failure.code === 'EVENTS_STORAGE_UNAVAILABLE'
    if (failure.retryable) {
      this.#failure = failure
      this.#failedAt = performance.now()
    }
    return failure
  }

  /** A duplicate above all positions known before was stored by the earlier try: for its publisher it is new. */
  #ownReceipts(receipts: readonly AppendReceipt[]): readonly AppendReceipt[] {
    let known = this.#lastPosition
    return receipts.map(({ position, duplicate }) => {
      const isNew = !duplicate || position > known
      known = Math.max(known, position)
      return { position, duplicate: !isNew }
    })
  }
}

function storageError(error: unknown): EventsError {
  if (error instanceof EventsError) return error
  return new EventsError(
    'EVENTS_STORAGE_FAILED',
    'The store failed in a way that its adapter does not know',
    { cause: error },
  )
}
