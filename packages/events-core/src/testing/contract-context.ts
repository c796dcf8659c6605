import type { EventStorage } from '../storage/contract/storage.ts'
import type { ManualClock } from './manual-clock.ts'
import { isOpen, type StorageFactory, type StorageOptions, type StorePool } from './store-pool.ts'

/** A guarantee, by the sentence that states it. */
export type ContractTests<S extends EventStorage = EventStorage> = Readonly<
  Record<string, (context: ContractContext<S>) => Promise<void>>
>

let contexts = 0

/** What a test of the contract works with. */
export class ContractContext<S extends EventStorage = EventStorage> {
  /** Open and empty, but perhaps used before: see `base` and `scope`. */
  readonly storage: S
  /** The clock that all stores of this test read. It begins with the year 2030. */
  readonly clock: ManualClock
  /** The last position that `storage` has given out already. */
  readonly base: number
  /** What names of documents' collections and of leases begin with, so that no other test has used them. */
  readonly scope = `test ${++contexts}:`
  readonly #factory: StorageFactory<S>
  readonly #created: S[] = []
  readonly #reopened: S[] = []
  readonly #beside: S[] = []

  private constructor(factory: StorageFactory<S>, storage: S, clock: ManualClock, base: number) {
    this.#factory = factory
    this.storage = storage
    this.clock = clock
    this.base = base
  }

  /** Runs one test; a store that the test opened besides its own and left open fails it. */
  static async run<S extends EventStorage>(
    pool: StorePool<S>,
    contractTest: ContractTests<S>[string],
  ): Promise<void> {
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
  async create(): Promise<S> {
    const storage = await this.#factory.create({ now: this.clock.now })
    this.#created.push(storage)
    return storage
  }

  /** Closes a store and opens what it holds by another adapter object, which the test has to close. */
  async reopen(storage: S): Promise<S> {
    if (this.#factory.reopen === undefined)
      throw new TypeError('the suite needs `reopen` for a persistent store')
    await storage.close()
    const again = await this.#factory.reopen(storage, { now: this.clock.now })
    this.#reopened.push(again)
    await again.open()
    return again
  }

  /**
   * The store as another process sees it, perhaps with another clock, open; the context closes it. A store that is not
   * persistent has no other process, and is returned itself.
   */
  async beside({ now }: StorageOptions = this.clock): Promise<S> {
    const other = await this.#factory.reopen?.(this.storage, { now })
    if (other === undefined) return this.storage
    this.#beside.push(other)
    await other.open()
    return other
  }

  async #refuseOpenStores(): Promise<void> {
    for (const storage of [...this.#created, ...this.#reopened]) {
      if (await isOpen(storage)) throw new Error('the test left a store open')
    }
  }

  async #destroy(): Promise<void> {
    for (const storage of [...this.#beside, ...this.#reopened, ...this.#created]) await storage.close()
    for (const storage of this.#created) await this.#factory.destroy?.(storage)
  }
}
