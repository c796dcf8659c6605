import type {
  Lease,
  LeaseAnswer,
  LeaseSign,
  PartitionKey,
  PartitionState,
  Progress,
  SubscriptionStore,
} from '../contract/subscriptions.ts'
import type { Threads } from './thread/threads.ts'

/** Durable subscriptions, kept by the two threads. */
export class SqliteSubscriptions implements SubscriptionStore {
  readonly #threads: () => Threads
  readonly #now: () => number

  /** @param threads throws while the store is not open */
  constructor(threads: () => Threads, now: () => number) {
    this.#threads = threads
    this.#now = now
  }

  async create(name: string, partitions: number, position: number): Promise<boolean> {
    const nowMs = this.#now()
    return await this.#threads().writer.call('createSubscription', { name, partitions, position, nowMs })
  }

  async list(name?: string): Promise<readonly PartitionState[]> {
    return await this.#threads().reader.call('listPartitions', { name })
  }

  async acquire(key: PartitionKey, owner: string, stale?: LeaseSign): Promise<LeaseAnswer> {
    return await this.#threads().writer.call('acquireLease', { key, owner, ...(stale && { stale }) })
  }

  async renew(key: PartitionKey, token: number, progress: Progress = {}): Promise<Lease | undefined> {
    return await this.#threads().writer.call('renewLease', { key, token, progress, nowMs: this.#now() })
  }

  async claim(key: PartitionKey, owner: string, claimant: string): Promise<boolean> {
    return await this.#threads().writer.call('claimLease', { key, owner, claimant })
  }

  async release(key: PartitionKey, token: number): Promise<void> {
    await this.#threads().writer.call('releaseLease', { key, token })
  }

  async setPaused(name: string, paused: boolean): Promise<boolean> {
    return await this.#threads().writer.call('setPaused', { name, paused })
  }

  async reset(name: string, position: number): Promise<boolean> {
    return await this.#threads().writer.call('resetSubscription', { name, position })
  }

  async rename(name: string, to: string): Promise<boolean> {
    return await this.#threads().writer.call('renameSubscription', { name, to })
  }

  async delete(name: string): Promise<boolean> {
    return await this.#threads().writer.call('deleteSubscription', { name })
  }
}
