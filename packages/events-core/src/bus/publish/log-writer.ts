import { EventsError, isEventsError } from '../../errors.ts'
import type { EventMetrics } from '../../metrics/metrics.ts'
import type {
  AppendReceipt,
  AppendResult,
  EventRecord,
  EventStorage,
} from '../../storage/contract/storage.ts'

const NOTHING_STORED: AppendResult = { recordedAt: '', receipts: [] }

/** The time for which a failure is reported if nothing has been written since. */
const FAILURE_MEMORY_MS = 10_000

/** Writes batches to the store and reports how the last write ended. */
export class LogWriter {
  readonly #storage: EventStorage
  readonly #metrics: EventMetrics
  #lastPosition: number
  /** `performance.now()` when the current write began. */
  #began: number | undefined
  #answeredAt = Number.NEGATIVE_INFINITY
  /** Records that an earlier attempt may have stored. */
  readonly #uncertain = new WeakSet<EventRecord>()
  #failure: EventsError | undefined
  #failedAt = 0

  /** @param lastPosition the last position that the store had assigned before */
  constructor(storage: EventStorage, metrics: EventMetrics, lastPosition: number) {
    this.#storage = storage
    this.#metrics = metrics
    this.#lastPosition = lastPosition
  }

  /** True while the store has not answered a batch. */
  get isWriting(): boolean {
    return this.#began !== undefined
  }

  /** The age of the batch that the store has not answered; 0 if there is none. */
  get oldestWriteMs(): number {
    return this.#began === undefined ? 0 : performance.now() - this.#began
  }

  /** `performance.now()` when the store last answered a write, successfully or not. */
  get answeredAt(): number {
    return this.#answeredAt
  }

  /**
   * The error of the last attempt; undefined while writes succeed. It is forgotten after a while without an attempt: a
   * service that sends no traffic to a failed store would otherwise never learn that it works again.
   */
  get failure(): EventsError | undefined {
    return performance.now() - this.#failedAt < FAILURE_MEMORY_MS ? this.#failure : undefined
  }

  /** Writes one batch at a time. Never fails: anything that the store throws is returned as an EventsError. */
  async write(records: readonly EventRecord[]): Promise<AppendResult | EventsError> {
    if (records.length === 0) return NOTHING_STORED
    const began = performance.now()
    this.#began = began
    try {
      return this.#succeeded(records, await this.#storage.append(records))
    } catch (error) {
      return this.#failed(records, error)
    } finally {
      this.#answeredAt = performance.now()
      this.#began = undefined
      this.#metrics.storageOperation('append', (this.#answeredAt - began) / 1_000)
    }
  }

  #succeeded(records: readonly EventRecord[], { recordedAt, receipts }: AppendResult): AppendResult {
    checkReceipts(records, receipts)
    const before = this.#lastPosition
    for (const { position } of receipts) if (position > this.#lastPosition) this.#lastPosition = position
    this.#failure = undefined
    this.#metrics.batchSize(receipts.length)
    // All records of a batch were in the same attempts.
    const [first] = records
    const isRepeated = first !== undefined && this.#uncertain.has(first)
    return { recordedAt, receipts: isRepeated ? ownReceipts(receipts, before) : receipts }
  }

  #failed(records: readonly EventRecord[], error: unknown): EventsError {
    const failure = storageError(error)
    this.#metrics.storageError('append')
    if (failure.code === 'EVENTS_STORAGE_UNAVAILABLE')
      for (const record of records) this.#uncertain.add(record)
    this.#failure = failure
    this.#failedAt = performance.now()
    return failure
  }
}

/** @throws TypeError if an adapter's receipts do not fit: an event without a position would count as not stored */
function checkReceipts(records: readonly EventRecord[], receipts: readonly AppendReceipt[]): void {
  const isComplete = receipts.length === records.length
  if (isComplete && receipts.every(({ position }) => Number.isSafeInteger(position))) return
  throw new TypeError(`append() must return a receipt with a position for each of ${records.length} records`)
}

/**
 * Marks as new each duplicate above every position known before the write: the earlier attempt has stored it.
 * @param known the last position that was known before
 */
function ownReceipts(receipts: readonly AppendReceipt[], known: number): readonly AppendReceipt[] {
  let last = known
  return receipts.map(({ position, duplicate }) => {
    const isNew = !duplicate || position > last
    last = Math.max(last, position)
    return { position, duplicate: !isNew }
  })
}

function storageError(error: unknown): EventsError {
  if (isEventsError(error)) return error
  return new EventsError(
    'EVENTS_STORAGE_FAILED',
    'The store failed with an error that its adapter does not recognise',
    { cause: error },
  )
}
