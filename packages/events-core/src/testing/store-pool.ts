import { isEventsError } from '../errors.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import { ManualClock } from './manual-clock.ts'

export interface StorageOptions {
  /** Returns the time in milliseconds since 1970, instead of `Date.now`. */
  readonly now: () => number
}

/** Creates the stores of the adapter under test. */
export interface StorageFactory<S extends EventStorage = EventStorage> {
  /** Returns an unused store that is not open, with room for 20,000 events; each call creates another. */
  create(options: StorageOptions): S | Promise<S>
  /**
   * Returns another adapter object for the contents of `storage`, not open, as after a restart or in another process.
   * Required for persistent adapters.
   */
  reopen?(storage: S, options: StorageOptions): S | Promise<S>
  /** Removes the remains of a store from `create`; it and all stores from `reopen` are closed by then. */
  destroy?(storage: S): void | Promise<void>
}

export interface PooledStore<S extends EventStorage = EventStorage> {
  readonly storage: S
  readonly clock: ManualClock
}

/**
 * The stores of one run of the suite. Opening a store may take longer than the test that uses it, so a store that a passed
 * test left open is cleared and reused, unless the test closed it or advanced its clock.
 */
export class StorePool<S extends EventStorage = EventStorage> {
  readonly factory: StorageFactory<S>
  readonly #idle: PooledStore<S>[] = []

  constructor(factory: StorageFactory<S>) {
    this.factory = factory
  }

  /** Returns an open, empty store, at the time at which all tests begin. */
  async take(): Promise<PooledStore<S>> {
    const idle = this.#idle.pop()
    if (idle === undefined) return await this.#open()
    idle.clock.reset()
    await empty(idle.storage)
    return idle
  }

  async giveBack(store: PooledStore<S>): Promise<void> {
    if (store.clock.hasGoneOn) return await this.discard(store)
    if (await isOpen(store.storage)) this.#idle.push(store)
    else await this.factory.destroy?.(store.storage)
  }

  async discard({ storage }: PooledStore<S>): Promise<void> {
    await storage.close()
    await this.factory.destroy?.(storage)
  }

  async end(): Promise<void> {
    for (const idle of this.#idle.splice(0)) await this.discard(idle)
  }

  async #open(): Promise<PooledStore<S>> {
    const clock = new ManualClock()
    const store = { storage: await this.factory.create({ now: clock.now }), clock }
    try {
      await store.storage.open()
    } catch (error) {
      await this.factory.destroy?.(store.storage)
      throw error
    }
    return store
  }
}

async function empty(storage: EventStorage): Promise<void> {
  await storage.clear()
  for (const { name } of await storage.subscriptions.list()) await storage.subscriptions.delete(name)
  await storage.deadLetters.delete({})
}

export async function isOpen(storage: EventStorage): Promise<boolean> {
  try {
    await storage.head()
    return true
  } catch (error) {
    if (isEventsError(error) && error.code === 'EVENTS_NOT_RUNNING') return false
    throw error
  }
}
