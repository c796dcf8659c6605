import { compareCodePoints } from '../code-points.ts'
import type { HeldLease, Lease, LeaseAnswer, LeaseSign, LeaseState, LeaseStore } from '../contract/leases.ts'

interface Entry {
  token: number
  beat: number
  owner: string | null
  claim: string | null
}

/** Leases in memory, shared by the buses of one process. */
export class MemoryLeases implements LeaseStore {
  readonly #mustBeOpen: () => void
  readonly #entries = new Map<string, Entry>()

  /** @param mustBeOpen throws while the store is not open */
  constructor(mustBeOpen: () => void) {
    this.#mustBeOpen = mustBeOpen
  }

  async acquire(name: string, owner: string, stale?: LeaseSign): Promise<LeaseAnswer> {
    this.#mustBeOpen()
    const entry = this.#entries.get(name) ?? newEntry()
    const isFree = entry.owner === null && (entry.claim ?? owner) === owner
    const isStale = stale?.token === entry.token && stale.beat === entry.beat
    if (!isFree && !isStale) return { acquired: false, sign: { token: entry.token, beat: entry.beat } }
    entry.token++
    entry.beat++
    entry.owner = owner
    entry.claim = null
    this.#entries.set(name, entry)
    return { acquired: true, lease: leaseOf(entry) }
  }

  async renew(lease: HeldLease): Promise<Lease | undefined> {
    this.#mustBeOpen()
    return this.keep(lease)
  }

  async claim(name: string, owner: string, claimant: string): Promise<boolean> {
    this.#mustBeOpen()
    const entry = this.#entries.get(name)
    if (entry?.owner !== owner || entry.claim !== null) return false
    entry.claim = claimant
    return true
  }

  /** Releases a lease, and forgets it unless it is claimed: its name may never occur again. */
  async release(lease: HeldLease): Promise<void> {
    this.#mustBeOpen()
    const entry = this.vacate(lease)
    if (entry?.claim === null) this.#entries.delete(lease.name)
  }

  async list(prefix: string): Promise<readonly LeaseState[]> {
    this.#mustBeOpen()
    return [...this.#entries]
      .filter(([name, { owner, claim }]) => name.startsWith(prefix) && (owner ?? claim) !== null)
      .map(([name, { owner, claim }]) => ({ name, owner, claim }))
      .sort((a, b) => compareCodePoints(a.name, b.name))
  }

  holds(lease: HeldLease): boolean {
    return this.#held(lease) !== undefined
  }

  /** Renews a lease synchronously, as part of a commit. */
  keep(lease: HeldLease): Lease | undefined {
    const entry = this.#held(lease)
    if (entry === undefined) return undefined
    entry.beat++
    return leaseOf(entry)
  }

  vacate(lease: HeldLease): Readonly<Entry> | undefined {
    const entry = this.#held(lease)
    if (entry !== undefined) entry.owner = null
    return entry
  }

  /** Revokes the lease from its holder and removes its claim. */
  revoke(name: string): void {
    this.#entries.delete(name)
  }

  stateOf(name: string): Omit<LeaseState, 'name'> {
    const { owner, claim } = this.#entries.get(name) ?? { owner: null, claim: null }
    return { owner, claim }
  }

  #held({ name, token }: HeldLease): Entry | undefined {
    const entry = this.#entries.get(name)
    return entry?.token === token && entry.owner !== null ? entry : undefined
  }
}

function leaseOf({ token, claim }: Entry): Lease {
  return { token, claimed: claim !== null }
}

/** The first token is random: the holder of a revoked lease of this name still has its token. */
function newEntry(): Entry {
  const [token = 0] = crypto.getRandomValues(new Uint32Array(1))
  return { token, beat: 0, owner: null, claim: null }
}
