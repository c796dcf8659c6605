import { setTimeout as sleep } from 'node:timers/promises'
import type { Changes, CommitResult, Commits } from '../../storage/contract/commit.ts'
import type { HeldLease, Lease, LeaseSign, LeaseStore } from '../../storage/contract/leases.ts'

export interface LeaseHolderOptions {
  readonly store: LeaseStore
  readonly name: string
  /** Names this process, for people. */
  readonly owner: string
  /** How long a lease lasts after it was last renewed. */
  readonly leaseMs: number
}

/** How many times within its time a lease is renewed, so that a slow store or a late timer does not lose it. */
const RENEWALS = 3

/**
 * Gets a lease and keeps it.
 *
 * A lease is valid for `leaseMs` after the renewal that began last: measured on this process's monotonic clock, and from
 * before the store was asked, so a process that was frozen or cut off knows at once that it may have lost it.
 */
export class LeaseHolder {
  readonly #options: LeaseHolderOptions
  #token = 0
  #validUntil = 0
  #renewedAt = 0
  #seen: LeaseSign | undefined
  #seenAt = 0

  constructor(options: LeaseHolderOptions) {
    this.#options = options
  }

  get isValid(): boolean {
    return performance.now() < this.#validUntil
  }

  /** Proves that the lease is held, for as long as it is. */
  get held(): HeldLease {
    return { name: this.#options.name, token: this.#token }
  }

  /** How long to wait between renewals. */
  get renewalMs(): number {
    return this.#options.leaseMs / RENEWALS
  }

  /** How long until the lease is to be renewed; 0 when it is due. */
  get dueInMs(): number {
    return Math.max(0, this.#renewedAt + this.renewalMs - performance.now())
  }

  /** Whether the renewal is late, since whoever is to renew it is busy. */
  get isOverdue(): boolean {
    return this.isValid && performance.now() > this.#renewedAt + 1.5 * this.renewalMs
  }

  /** Takes the lease if it is free, or if its holder has shown no sign of life for as long as it lasts. @throws EventsError EVENTS_STORAGE_* */
  async tryAcquire(): Promise<boolean> {
    const { store, name, owner, leaseMs } = this.#options
    const asked = performance.now()
    const stale = this.#seen !== undefined && asked - this.#seenAt >= leaseMs ? this.#seen : undefined
    const answer = await store.acquire(name, owner, stale)
    if (answer.acquired) {
      this.#renewed(answer.lease, asked)
      this.#seen = undefined
    } else if (this.#seen?.token !== answer.sign.token || this.#seen.beat !== answer.sign.beat) {
      this.#seen = answer.sign
      this.#seenAt = asked
    }
    return answer.acquired
  }

  /** Waits until the lease is to be had. @throws EventsError EVENTS_STORAGE_*; the signal's reason */
  async acquire(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      if (await this.tryAcquire()) return
      await sleep(this.renewalMs, undefined, { signal })
    }
  }

  /** Renews the lease; undefined when it is lost. @throws EventsError EVENTS_STORAGE_* */
  async renew(): Promise<Lease | undefined> {
    const asked = performance.now()
    const lease = await this.#options.store.renew(this.held)
    if (lease === undefined) this.lose()
    else this.#renewed(lease, asked)
    return lease
  }

  /** Commits changes under the lease, which a commit renews. @throws EventsError EVENTS_STORAGE_* */
  async commit(commit: Commits['commit'], changes: Changes): Promise<CommitResult> {
    const asked = performance.now()
    const result = await commit(this.held, changes)
    if (result.committed) this.#renewed(result.lease, asked)
    else if (result.reason === 'lease_lost') this.lose()
    return result
  }

  /** @param asked `performance.now()` before the store was asked */
  #renewed({ token }: Lease, asked: number): void {
    this.#token = token
    this.#renewedAt = asked
    this.#validUntil = asked + this.#options.leaseMs
  }

  /** Notes that the lease is another's. */
  lose(): void {
    this.#validUntil = 0
  }

  /** @throws EventsError EVENTS_STORAGE_* */
  async release(): Promise<void> {
    this.#validUntil = 0
    await this.#options.store.release(this.held)
  }
}
