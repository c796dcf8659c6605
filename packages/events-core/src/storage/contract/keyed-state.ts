import type { PartitionKey } from './subscriptions.ts'

/** The state that a processor keeps for one key. */
export interface KeyedState {
  /** At most 256 characters, without U+0000 and without half of a surrogate pair. */
  readonly key: string
  /** JSON text of at most 256 KiB (UTF-8); null for a key that has only a timer. */
  readonly value: string | null
  /** The log time at which its timer is due, in milliseconds; null without a timer. */
  readonly dueMs: number | null
  /** The position of the last event that changed it, or the log's last position at the last timer that did. */
  readonly touched: number
}

export interface StateSize {
  readonly keys: number
  /** The size of keys and values in UTF-8. */
  readonly bytes: number
}

/**
 * The state of processors, by partition of their durable subscription. It changes only through `commit`, is renamed with
 * the subscription, and is cleared when the subscription is reset or deleted. A partition that does not exist has no state.
 */
export interface KeyedStateStore {
  /**
   * Returns the states of at most 1,000 keys, in no particular order; keys without state are left out.
   * @throws EventsError EVENTS_INVALID for more than 1,000 keys, or for a key that no state can have
   */
  read(partition: PartitionKey, keys: readonly string[]): Promise<readonly KeyedState[]>
  /** Returns the states whose timers are due at `untilMs` or earlier, ordered by due time, then key (code points). */
  due(partition: PartitionKey, untilMs: number, limit: number): Promise<readonly KeyedState[]>
  /** Returns the log time at which the next timer is due; undefined without a timer. */
  nextDue(partition: PartitionKey): Promise<number | undefined>
  /** Returns the states that were changed longest ago, ordered by `touched`, then key. */
  oldest(partition: PartitionKey, limit: number): Promise<readonly KeyedState[]>
  /** Returns the size of a partition's state, kept up to date by `commit`. */
  size(partition: PartitionKey): Promise<StateSize>
}
