import type { BusHost } from '../bus/workers/worker.ts'
import type { KeyedState, StateSize } from '../storage/contract/keyed-state.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { PartitionKey } from '../storage/contract/subscriptions.ts'
import { type Batch, sizeOf } from './batch.ts'
import type { ProcessorSettings } from './processor.ts'

export interface StateBoundsOptions {
  readonly settings: Pick<ProcessorSettings, 'name' | 'maxKeys' | 'maxStateBytes'>
  readonly partition: PartitionKey
  readonly storage: EventStorage
  readonly host: BusHost
}

export interface StateFigures {
  readonly keys: number
  readonly state_bytes: number
  /** Keys that had to go because there were too many. */
  readonly shed: number
}

const KEYS_AT_ONCE = 500
/** Of the states that are read at once, if all are of average size. */
const BYTES_AT_ONCE = 16 * 2 ** 20
const LOG_INTERVAL_MS = 60_000

/** Keeps the state of a partition within its limits. */
export class StateBounds {
  readonly #options: StateBoundsOptions
  #size: StateSize
  #shed: number
  /** Keys that go with the batch that is not committed yet. */
  #going = 0
  #logAt = 0

  /** @param size of what the store has */
  constructor(options: StateBoundsOptions, size: StateSize, before?: StateBounds) {
    this.#options = options
    this.#size = size
    this.#shed = before?.figures.shed ?? 0
    if (before !== undefined) this.#logAt = before.#logAt
  }

  get figures(): StateFigures {
    return { keys: this.#size.keys, state_bytes: this.#size.bytes, shed: this.#shed }
  }

  /** How many states may be in memory at once beside the cache. */
  get keysAtOnce(): number {
    return Math.max(1, Math.min(KEYS_AT_ONCE, Math.floor(BYTES_AT_ONCE / this.#averageBytes)))
  }

  /** Notes that a batch was committed, and by how much the state has grown. */
  grew({ keys, bytes }: StateSize): void {
    this.#size = { keys: this.#size.keys + keys, bytes: this.#size.bytes + bytes }
    this.#shed += this.#going
    if (this.#going > 0) this.#log()
    this.#going = 0
  }

  /**
   * Makes room for new keys: those that were changed longest ago go with the batch, and their timers with them.
   * @throws EventsError EVENTS_STORAGE_*
   */
  async enforce(batch: Batch): Promise<void> {
    const { settings, partition, storage } = this.#options
    const excess = {
      keys: this.#size.keys - settings.maxKeys,
      bytes: this.#size.bytes - settings.maxStateBytes,
    }
    if (excess.keys <= 0 && excess.bytes <= 0) return
    const wanted = Math.max(excess.keys, Math.ceil(excess.bytes / this.#averageBytes))
    const oldest = await storage.state.oldest(partition, Math.min(wanted, this.keysAtOnce))
    this.#going += shed(oldest, batch, excess)
  }

  get #averageBytes(): number {
    const { keys, bytes } = this.#size
    return Math.max(1, bytes / Math.max(1, keys))
  }

  /** Once a minute at the most: it may happen with every commit. */
  #log(): void {
    if (performance.now() < this.#logAt) return
    this.#logAt = performance.now() + LOG_INTERVAL_MS
    const { settings, host } = this.#options
    host.logger.warn(
      { processor: settings.name, shed: this.#shed },
      'A processor has too much state: the keys that were changed longest ago are shed',
    )
  }
}

/** Has keys go until the excess is gone, but none that was changed just now. @returns how many */
function shed(oldest: readonly KeyedState[], batch: Batch, excess: StateSize): number {
  let { keys, bytes } = excess
  let count = 0
  for (const state of oldest) {
    if (keys <= 0 && bytes <= 0) break
    if (batch.isChanged(state.key)) continue
    batch.change(state.key, undefined, state)
    keys--
    bytes -= sizeOf(state)
    count++
  }
  return count
}
