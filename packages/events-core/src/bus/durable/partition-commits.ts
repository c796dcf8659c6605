import type { Changes, Commits } from '../../storage/contract/commit.ts'
import type { PartitionKey, PositionRange } from '../../storage/contract/subscriptions.ts'
import type { LeaseHolder } from '../workers/lease-holder.ts'

export interface PartitionCommitsOptions {
  readonly partition: PartitionKey
  readonly lease: LeaseHolder
  readonly commit: Commits['commit']
}

/** Saves how far a partition is, under its lease. */
export class PartitionCommits {
  readonly #options: PartitionCommitsOptions

  constructor(options: PartitionCommitsOptions) {
    this.#options = options
  }

  /**
   * Saves the position with what else is to be stored, and renews the lease.
   * @returns undefined when the lease is lost: nothing was stored
   * @throws EventsError EVENTS_STORAGE_*
   */
  async save(
    position: number,
    missed: PositionRange | undefined,
    changes: Changes = {},
  ): Promise<{ readonly paused: boolean; readonly claimed: boolean } | undefined> {
    const { partition, lease, commit } = this.#options
    const checkpoint = { ...partition, position, ...(missed && { missed }) }
    const asked = performance.now()
    const result = await commit(lease.held, { checkpoint, ...changes })
    if (!result.committed) {
      lease.lose()
      return undefined
    }
    lease.renewed(result.lease, asked)
    return { paused: result.paused, claimed: result.lease.claimed }
  }
}
