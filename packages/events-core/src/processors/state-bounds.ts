import type { BusHost } from '../bus/workers/worker.ts'
import type { StateSize } from '../storage/contract/keyed-state.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { PartitionKey } from '../storage/contract/subscriptions.ts'
import type { Batch } from './batch.ts'
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

const SHED_KEYS = 500

/** Keeps the state of a partition within its limits. */
export class StateBounds {
  readonly #options: StateBoundsOptions
  #size: StateSize
  #shed: number

  /** @param size of what the store has */
  constructor(options: StateBoundsOptions, size: StateSize, shed = 0) {
    this.#options = options
    this.#size = size
    this.#shed = shed
  }

  get figures(): StateFigures {
    return { keys: this.#size.keys, state_bytes: this.#size.bytes, shed: this.#shed }
  }

  /** Notes that a commit changed the size. */
  grew({ keys, bytes }: StateSize): void {
    this.#size = { keys: this.#size.keys + keys, bytes: this.#size.bytes + bytes }
  }

  /**
   * Makes room for new keys: those that were changed longest ago go with the batch, and their timers with them.
   * @throws EventsError EVENTS_STORAGE_*
   */
  async enforce(batch: Batch): Promise<void> {
    const { settings, partition, storage, host } = this.#options
    const { keys, bytes } = this.#size
    if (keys <= settings.maxKeys && bytes <= settings.maxStateBytes) return
    const limit = bytes > settings.maxStateBytes ? SHED_KEYS : Math.min(SHED_KEYS, keys - settings.maxKeys)
    const oldest = await storage.state.oldest(partition, limit)
    for (const state of oldest) if (!batch.isChanged(state.key)) batch.change(state.key, undefined, state)
    this.#shed += oldest.length
    host.logger.warn(
      { processor: settings.name, keys: oldest.length },
      'A processor has too much state: the keys that were changed longest ago are shed',
    )
  }
}
