import { setTimeout as sleep } from 'node:timers/promises'
import type {
  HeldLease,
  Lease,
  LeaseSign,
  PartitionKey,
  Progress,
  SubscriptionStore,
} from '../../storage/contract/subscriptions.ts'

export interface LeaseHolderOptions {
  readonly store: SubscriptionStore
  readonly key: PartitionKey
  /** Names this process, for people. */
  readonly owner: string
  /** How long a lease lasts after it was last renewed. */
  readonly leaseMs: number
}

/** How many times within its time a lease is renewed, so that a slow store or a late timer does not lose it. */
const RENEWALS = 3

/**
 * Gets the lease of a partition and keeps it.
 *
 * A lease is valid for `leaseMs` after the renewal that began last: measured on this process's monotonic clock, and from
 * before the store was asked, so a process that was frozen or cut off knows at once that it may have lost it.
 */
export class LeaseHolder {
  readonly #options: LeaseHolderOptions
  #token = 0
  #validUntil = 0

  constructor(options: LeaseHolderOptions) {
    this.#options = options
  }

  get isValid(): boolean {
    return performance.now() < this.#validUntil
  }

  /** What proves that it is held, for as long as it is. */
  get held(): HeldLease {
    return { ...this.#options.key, token: this.#token }
  }

  /** How long to wait between renewals. */
  get renewalMs(): number {
    return this.#options.leaseMs / RENEWALS
  }

  /**
   * Waits until the lease is to be had.
   * @throws EventsError EVENTS_STORAGE_*, EVENTS_NOT_FOUND; the signal's reason
   */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const { store, key, owner, leaseMs } = this.#options
    let seen: LeaseSign | undefined
    let seenAt = 0
    for (;;) {
      signal.throwIfAborted()
      const asked = performance.now()
      const stale = seen !== undefined && asked - seenAt >= leaseMs ? seen : undefined
      const answer = await store.acquire(key, owner, stale)
      if (answer.acquired) return this.#hold(answer.lease, asked)
      if (!isSame(seen, answer.sign)) {
        seen = answer.sign
        seenAt = asked
      }
      await sleep(this.renewalMs, undefined, { signal })
    }
  }

  /** Renews and saves; undefined when the lease is lost. @throws EventsError EVENTS_STORAGE_* */
  async renew(progress: Progress): Promise<Lease | undefined> {
    const { store, key } = this.#options
    const asked = performance.now()
    const lease = await store.renew(key, this.#token, progress)
    if (lease === undefined) this.#validUntil = 0
    return lease === undefined ? undefined : this.#hold(lease, asked)
  }

  async release(): Promise<void> {
    this.#validUntil = 0
    await this.#options.store.release(this.#options.key, this.#token)
  }

  #hold(lease: Lease, asked: number): Lease {
    this.#token = lease.token
    this.#validUntil = asked + this.#options.leaseMs
    return lease
  }
}

function isSame(a: LeaseSign | undefined, b: LeaseSign): boolean {
  return a !== undefined && a.token === b.token && a.beat === b.beat
}
