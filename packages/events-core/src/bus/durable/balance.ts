import { setTimeout as sleep } from 'node:timers/promises'
import { partitionLease } from '../../storage/contract/partition-lease.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'
import type { PartitionState } from '../../storage/contract/subscriptions.ts'

/** The number of times per lease duration that a process checks whether it has its share. */
const BALANCINGS = 3

export interface BalanceOptions {
  readonly storage: Pick<EventStorage, 'subscriptions' | 'leases'>
  /** The subscription's name. */
  readonly name: string
  /** Names this process. */
  readonly owner: string
  readonly leaseMs: number
  readonly signal: AbortSignal
  readonly failed: (error: unknown) => void
}

/** Claims this process's share of the partitions from processes that have more, until the signal aborts. */
export async function balance({ storage, name, owner, ...options }: BalanceOptions): Promise<void> {
  const { leaseMs, signal, failed } = options
  while (!signal.aborted) {
    try {
      await claimShare(storage, name, owner)
    } catch (error) {
      failed(error)
    }
    await sleep(leaseMs / BALANCINGS, undefined, { signal }).catch(() => undefined)
  }
}

/**
 * Claims partitions from processes that run more of them than this process, until they are spread evenly. Each holder
 * releases its partition when the calls under way have ended.
 * @throws EventsError EVENTS_STORAGE_*
 */
async function claimShare(
  { subscriptions, leases }: BalanceOptions['storage'],
  name: string,
  claimant: string,
): Promise<void> {
  for (const { partition, owner } of partitionsToClaim(await subscriptions.list(name), claimant)) {
    if (owner !== null) await leases.claim(partitionLease({ name, partition }), owner, claimant)
  }
}

/**
 * Returns the partitions that a process should claim, so that no other has two more than it. Free partitions need no claim.
 */
export function partitionsToClaim(
  states: readonly PartitionState[],
  claimant: string,
): readonly PartitionState[] {
  const claimed: PartitionState[] = []
  const heirs = new Map(states.map((state) => [state, state.claim ?? state.owner]))
  for (;;) {
    const counts = Map.groupBy(heirs.values(), (heir) => heir)
    const countOf = (heir: string | null) => counts.get(heir)?.length ?? 0
    const richest = [...counts.keys()]
      .filter((heir) => heir !== null)
      .sort((a, b) => countOf(b) - countOf(a))[0]
    if (richest === undefined || countOf(richest) < countOf(claimant) + 2) return claimed
    const next = states.findLast((state) => state.owner === richest && heirs.get(state) === richest)
    // The richest process does not own its other partitions yet, so they cannot be claimed from it.
    if (next === undefined) return claimed
    heirs.set(next, claimant)
    claimed.push(next)
  }
}
