/**
 * The right to do work that one process at a time does. It is fenced: once another process holds it, the old token changes
 * nothing.
 */
export interface Lease {
  readonly token: number
  /** True if another process has claimed it: the holder finishes the work under way and releases it. */
  readonly claimed: boolean
}

/** Identifies a lease and its holder, so that the store can check that the lease is still held. */
export interface HeldLease {
  readonly name: string
  readonly token: number
}

/** Shows whether a lease's holder is alive: both numbers stop changing when the holder is gone. */
export interface LeaseSign {
  readonly token: number
  readonly beat: number
}

export type LeaseAnswer =
  | { readonly acquired: true; readonly lease: Lease }
  | { readonly acquired: false; readonly sign: LeaseSign }

/** The holder and claimant of a lease, for people and for processes that share work. */
export interface LeaseState {
  readonly name: string
  /** The process that holds it; null if none does. */
  readonly owner: string | null
  /** The process that claimed it from `owner`; null if none did. */
  readonly claim: string | null
}

/**
 * Leases by name. No wall clock decides who holds a lease: a challenger watches its sign for the duration of the lease,
 * measured on its own monotonic clock, and takes over if the sign has not changed. So neither a clock that jumps nor two
 * clocks that differ can give a lease to two processes for longer than the fence allows.
 */
export interface LeaseStore {
  /**
   * Acquires the lease if no process holds it and no other has claimed it, or if its sign still equals `stale`, which the
   * caller saw long enough ago. A lease that was never held begins with a random token, so that the holder of an earlier
   * lease of this name does not count as its holder.
   */
  acquire(name: string, owner: string, stale?: LeaseSign): Promise<LeaseAnswer>
  /** Renews the lease, which shows that its holder is alive. Returns undefined if another process now holds it. */
  renew(lease: HeldLease): Promise<Lease | undefined>
  /**
   * Asks `owner` to release the lease to `claimant`, which is then the only process that can acquire it, unless it never
   * does. Returns false if `owner` does not hold it, or if another process has claimed it.
   */
  claim(name: string, owner: string, claimant: string): Promise<boolean>
  /**
   * Releases the lease, so that the next process need not wait; the token becomes invalid. Does nothing if another process
   * holds the lease.
   */
  release(lease: HeldLease): Promise<void>
  /** Returns the held or claimed leases whose names begin with `prefix`, ordered by name (code points). */
  list(prefix: string): Promise<readonly LeaseState[]>
}
