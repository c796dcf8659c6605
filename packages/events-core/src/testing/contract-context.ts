import type { EventStorage } from '../storage/contract/storage.ts'
import type { ManualClock } from './manual-clock.ts'
import { isOpen, type StorageFactory, type StorePool } from './store-pool.ts'

/** A guarantee, by the sentence that states it. */
export type ContractTests = Readonly<Record<string, (context: ContractContext) => Promise<void>>>

/** What a test of the contract works with. */
export class ContractContext {
  /** Open and empty, but perhaps used before: see `base`. */
  readonly storage: EventStorage
  /** The clock that all stores of this test read. It begins with the year 2030. */
  readonly clock: ManualClock
  /** The last position that `storage` has given out already. */
  readonly base: number
  readonly #factory: StorageFactory
  readonly #created: EventStorage[] = []
  readonly #reopened: EventStorage[] = []

  private constructor(factory: StorageFactory, storage: EventStorage, clock: ManualClock, base: number) {
    this.#factory = factory
    this.storage = storage
    this.clock = clock
    this.base = base
  }

  /** Runs one test; a store that the test opened besides its own and left open fails it. */
  static async run(pool: StorePool, contractTest: ContractTests[string]): Promise<void> {
    const pooled = await pool.take()
    const { position } = await pooled.storage.head()
    const context = new ContractContext(pool.factory, pooled.storage, pooled.clock, position)
    let passed = false
    try {
      await contractTest(context)
      await context.#refuseOpenStores()
      passed = true
    } finally {
      await context.#destroy()
      await (passed ? pool.giveBack(pooled) : pool.discard(pooled))
    }
  }

  /** A store that was never used, not open: the test has to close it. */
  async create(): Promise<EventStorage> {
    const storage = await this.#factory.create({ now: this.clock.now })
    this.#created.push(storage)
    return storage
  }

  /** Closes a store and opens what it holds by another adapter object, which the test has to close. */
  async reopen(storage: EventStorage): Promise<EventStorage> {
    if (this.#factory.reopen === undefined)
      throw new TypeError('the suite needs `reopen` for a persistent store')
    await storage.close()
    const again = await this.#factory.reopen(storage, { now: this.clock.now })
    this.#reopened.push(again)
    await again.open()
    return again
  }

  async #refuseOpenStores(): Promise<void> {
    for (const storage of [...this.#created, ...this.#reopened]) {
      if (await isOpen(storage)) throw new Error('the test left a store open')
    }
  }

  async #destroy(): Promise<void> {
    for (const storage of [...this.#reopened, ...this.#created]) await storage.close()
    for (const storage of this.#created) await this.#factory.destroy?.(storage)
  }
}
