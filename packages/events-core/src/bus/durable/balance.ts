import { setTimeout as sleep } from 'node:timers/promises'
import { partitionLease } from '../../storage/contract/partition-lease.ts'
import type { EventStorage } from '../../storage/contract/storage.ts'
import type { PartitionState } from '../../storage/contract/subscriptions.ts'

/** How often within the time of a lease a process looks whether it has its share. */
const BALANCINGS = 3

export interface BalanceOptions {
  readonly storage: Pick<EventStorage, 'subscriptions' | 'leases'>
  /** Of the subscription. */
  readonly name: string
  /** Names this process. */
  readonly owner: string
  readonly leaseMs: number
  readonly signal: AbortSignal
  readonly failed: (error: unknown) => void
}

/** Sees to it, until the signal aborts, that this process gets its share of the partitions from those who have more. */
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
 * Asks those who run more partitions of a subscription than this process for some, until they are spread evenly. They give
 * them up when the calls under way are done.
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

/** Partitions that a process should ask for, so that nobody has two more than it. Free ones need no asking. */
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
    // Those that it is to get are no others' to ask for before it has them.
    if (next === undefined) return claimed
    heirs.set(next, claimant)
    claimed.push(next)
  }
}
