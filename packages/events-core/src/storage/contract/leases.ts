/** The right to do what one process at a time does. It is fenced: once another process has it, the old token changes nothing. */
export interface Lease {
  readonly token: number
  /** Whether another process asks for it: the holder finishes what is under way and releases it. */
  readonly claimed: boolean
}

/** Proves to the store that a lease is still held. */
export interface HeldLease {
  readonly name: string
  readonly token: number
}

/** Shows whether a lease's holder is alive: both numbers stand still when it is gone. */
export interface LeaseSign {
  readonly token: number
  readonly beat: number
}

export type LeaseAnswer =
  | { readonly acquired: true; readonly lease: Lease }
  | { readonly acquired: false; readonly sign: LeaseSign }

/** Who holds a lease, for people and for processes that share work. */
export interface LeaseState {
  readonly name: string
  /** The process that holds it; null when none does. */
  readonly owner: string | null
  /** The process that `owner` is to release it to; null when none asked. */
  readonly claim: string | null
}

/**
 * Leases by name. No clock decides about a lease: a challenger watches its sign for as long as the lease lasts, by its
 * own monotonic clock, and takes over when the sign stood still. So neither a clock that jumps nor two that differ can
 * give a lease to two processes for longer than the fence allows.
 */
export interface LeaseStore {
  /**
   * Takes the lease when nobody holds it and nobody else claimed it, or when its sign is still `stale`, the one that the
   * caller saw long enough ago. A lease that was never held begins with a random token, so that no holder of an earlier
   * lease of this name passes for its holder.
   */
  acquire(name: string, owner: string, stale?: LeaseSign): Promise<LeaseAnswer>
  /** Shows that the holder is alive. Returns undefined when the lease is another's by now. */
  renew(lease: HeldLease): Promise<Lease | undefined>
  /**
   * Asks `owner` to release the lease to `claimant`, who then is the only one that can acquire it, unless it never does.
   * Returns false when `owner` does not hold it, or another process has claimed it.
   */
  claim(name: string, owner: string, claimant: string): Promise<boolean>
  /**
   * Gives the lease back, so that the next process need not wait: from then on its token is worth nothing. Does nothing when
   * the lease is another's.
   */
  release(lease: HeldLease): Promise<void>
  /** Returns the leases that are held or claimed and whose names begin with `prefix`, by name (code points). */
  list(prefix: string): Promise<readonly LeaseState[]>
}
