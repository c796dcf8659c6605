import type {
  Lease,
  LeaseAnswer,
  LeaseSign,
  PartitionKey,
  PartitionState,
  Progress,
  SubscriptionStore,
} from '../contract/subscriptions.ts'
import {
  acquireLease,
  claimLease,
  createSubscription,
  deleteSubscription,
  listPartitions,
  releaseLease,
  renameSubscription,
  renewLease,
  resetSubscription,
  setPaused,
} from '../sql/subscriptions/subscriptions.ts'
import type { LogDatabase } from './log-database.ts'

/** Durable subscriptions in the database. */
export class PostgresSubscriptions implements SubscriptionStore {
  readonly #database: () => LogDatabase
  readonly #now: () => number

  /** @param database throws while the store is not open */
  constructor(database: () => LogDatabase, now: () => number) {
    this.#database = database
    this.#now = now
  }

  async create(name: string, partitions: number, position: number): Promise<boolean> {
    const nowMs = this.#now()
    return await this.#database().use((log) => createSubscription(log, { name, partitions, position }, nowMs))
  }

  async list(name?: string): Promise<readonly PartitionState[]> {
    return await this.#database().use((log) => listPartitions(log, name))
  }

  async acquire(key: PartitionKey, owner: string, stale?: LeaseSign): Promise<LeaseAnswer> {
    return await this.#database().use((log) => acquireLease(log, key, owner, stale))
  }

  async renew(key: PartitionKey, token: number, progress: Progress = {}): Promise<Lease | undefined> {
    const nowMs = this.#now()
    return await this.#database().use((log) => renewLease(log, key, token, progress, nowMs))
  }

  async claim(key: PartitionKey, owner: string, claimant: string): Promise<boolean> {
    return await this.#database().use((log) => claimLease(log, key, owner, claimant))
  }

  async release(key: PartitionKey, token: number): Promise<void> {
    await this.#database().use((log) => releaseLease(log, key, token))
  }

  async setPaused(name: string, paused: boolean): Promise<boolean> {
    return await this.#database().use((log) => setPaused(log, name, paused))
  }

  async reset(name: string, position: number): Promise<boolean> {
    return await this.#database().use((log) => resetSubscription(log, name, position))
  }

  async rename(name: string, to: string): Promise<boolean> {
    return await this.#database().use((log) => renameSubscription(log, name, to))
  }

  async delete(name: string): Promise<boolean> {
    return await this.#database().use((log) => deleteSubscription(log, name))
  }
}
