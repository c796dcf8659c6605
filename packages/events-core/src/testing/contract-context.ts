import type { EventStorage } from '../storage/contract/storage.ts'
import type { ManualClock } from './manual-clock.ts'
import { isOpen, type StorageFactory, type StorageOptions, type StorePool } from './store-pool.ts'

/** Tests by the guarantee that each checks, stated in one sentence. */
export type ContractTests<S extends EventStorage = EventStorage> = Readonly<
  Record<string, (context: ContractContext<S>) => Promise<void>>
>

let contexts = 0

/** The store, clock and helpers of one contract test. */
export class ContractContext<S extends EventStorage = EventStorage> {
  /** The store, open and empty, but possibly used before: see `base` and `scope`. */
  readonly storage: S
  /** The clock of all stores of this test, which starts at the beginning of 2030. */
  readonly clock: ManualClock
  /** The last position that `storage` has already assigned. */
  readonly base: number
  /** A prefix for names of document collections and of leases that no other test uses. */
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

  /** Runs one test, which fails if it leaves another store open than its own. */
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

  /** Creates an unused store, not open; the test must close it. */
  async create(): Promise<S> {
    const storage = await this.#factory.create({ now: this.clock.now })
    this.#created.push(storage)
    return storage
  }

  /** Closes a store and reopens its contents with another adapter object, which the test must close. */
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
   * Opens the store as another process would, possibly with another clock; the context closes it. Returns the store itself
   * if it is not persistent, since no other process can open it.
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
