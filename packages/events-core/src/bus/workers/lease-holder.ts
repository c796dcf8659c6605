import { setTimeout as sleep } from 'node:timers/promises'
import type { Changes, CommitResult, Commits } from '../../storage/contract/commit.ts'
import type { HeldLease, Lease, LeaseSign, LeaseStore } from '../../storage/contract/leases.ts'

export interface LeaseHolderOptions {
  readonly store: LeaseStore
  readonly name: string
  /** Names this process in leases, for people. */
  readonly owner: string
  /** The time for which a lease lasts after its last renewal. */
  readonly leaseMs: number
}

/** The number of renewals per lease duration, so that a slow store or a late timer does not lose the lease. */
const RENEWALS = 3

/**
 * Acquires a lease and keeps it.
 *
 * A lease is valid for `leaseMs` after the last renewal began, measured on this process's monotonic clock from before the
 * request to the store. So a process that was frozen or disconnected knows at once that it may have lost the lease.
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

  /** Identifies the lease to the store while it is held. */
  get held(): HeldLease {
    return { name: this.#options.name, token: this.#token }
  }

  /** The interval between renewals. */
  get renewalMs(): number {
    return this.#options.leaseMs / RENEWALS
  }

  /** The time until the next renewal; 0 if it is due. */
  get dueInMs(): number {
    return Math.max(0, this.#renewedAt + this.renewalMs - performance.now())
  }

  /** True if the renewal is late because the code that renews the lease is busy. */
  get isOverdue(): boolean {
    return this.isValid && performance.now() > this.#renewedAt + 1.5 * this.renewalMs
  }

  /**
   * Acquires the lease if it is free, or if its holder has not renewed it for the lease duration. @throws EventsError
   * EVENTS_STORAGE_*
   */
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

  /** Waits until the lease is acquired. @throws EventsError EVENTS_STORAGE_*; the signal's reason */
  async acquire(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      if (await this.tryAcquire()) return
      await sleep(this.renewalMs, undefined, { signal })
    }
  }

  /** Renews the lease; returns undefined if it is lost. @throws EventsError EVENTS_STORAGE_* */
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

  /** @param asked `performance.now()` before the request to the store */
  #renewed({ token }: Lease, asked: number): void {
    this.#token = token
    this.#renewedAt = asked
    this.#validUntil = asked + this.#options.leaseMs
  }

  /** Records that the lease is lost. */
  lose(): void {
    this.#validUntil = 0
  }

  /** @throws EventsError EVENTS_STORAGE_* */
  async release(): Promise<void> {
    this.#validUntil = 0
    await this.#options.store.release(this.held)
  }
}
