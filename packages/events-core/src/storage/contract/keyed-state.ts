import type { PartitionKey } from './subscriptions.ts'

/** What a processor keeps for one key. */
export interface KeyedState {
  /** At most 256 characters, without U+0000 and without half of a surrogate pair. */
  readonly key: string
  /** JSON text of at most 256 KiB (UTF-8); null for a key that has only a timer. */
  readonly value: string | null
  /** When its timer is due, in milliseconds of log time; null without one. */
  readonly dueMs: number | null
  /** The position of the event, or of the log at the timer, that changed it last. */
  readonly touched: number
}

export interface StateSize {
  readonly keys: number
  /** Of keys and values, UTF-8. */
  readonly bytes: number
}

/**
 * The state of processors, by partition of their durable subscription. It changes only through `commit`, is renamed with
 * the subscription, and is cleared when that is reset or deleted. A partition that is not there has no state.
 */
export interface KeyedStateStore {
  /**
   * Returns the states of at most 1,000 keys, in no particular order; keys without state are left out.
   * @throws EventsError EVENTS_INVALID for more keys, or for a key that no state can have
   */
  read(partition: PartitionKey, keys: readonly string[]): Promise<readonly KeyedState[]>
  /** Returns states whose timer is due at `untilMs` or earlier, by due time, then key (code points). */
  due(partition: PartitionKey, untilMs: number, limit: number): Promise<readonly KeyedState[]>
  /** Returns when the next timer is due; undefined without one. */
  nextDue(partition: PartitionKey): Promise<number | undefined>
  /** Returns the states that were changed longest ago, by `touched`, then key. */
  oldest(partition: PartitionKey, limit: number): Promise<readonly KeyedState[]>
  /** Returns the size of a partition's state, kept up to date by `commit`. */
  size(partition: PartitionKey): Promise<StateSize>
}
