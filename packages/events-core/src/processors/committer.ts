import { setTimeout as sleep } from 'node:timers/promises'
import type { LeaseHolder } from '../bus/workers/lease-holder.ts'
import type { BusHost } from '../bus/workers/worker.ts'
import { isEventsError } from '../errors.ts'
import type { Changes, CommitCondition, CommitResult } from '../storage/contract/commit.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { PartitionKey, PositionRange } from '../storage/contract/subscriptions.ts'
import type { Batch } from './batch.ts'

export interface CommitterOptions {
  readonly partition: PartitionKey
  readonly storage: EventStorage
  readonly lease: LeaseHolder
  readonly host: BusHost
}

type Committed = Extract<CommitResult, { committed: true }>

const RETRY_MS = 250

/** A commit did not happen, and trying it again does not help. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly reason: 'lease_lost' | 'content'

  /** @param reason 'content' when the store cannot take what is in the batch */
  constructor(reason: 'lease_lost' | 'content', cause?: unknown) {
    super(reason, { cause })
    this.reason = reason
  }
}

/** Commits the batches of a partition under its lease. */
export class Committer {
  readonly #options: CommitterOptions
  #position = 0
  #toIsolate = 0
  #isClosed = false

  constructor(options: CommitterOptions) {
    this.#options = options
  }

  /** The last position that is committed. */
  get position(): number {
    return this.#position
  }

  begin(position: number): void {
    this.#position = position
  }

  /** Commits the next calls one by one, to find the one that the store rejects. */
  isolate(calls: number): void {
    this.#toIsolate = Math.max(this.#toIsolate, calls)
  }

  get isIsolating(): boolean {
    return this.#toIsolate > 0
  }

  /** Gives up a commit that is being retried. */
  close(): void {
    this.#isClosed = true
  }

  /** Commits a batch; retries while the store cannot be reached or is full. @throws Refused */
  async commit(batch: Batch, position: number, missed: PositionRange | undefined): Promise<Committed> {
    const { partition } = this.#options
    const checkpoint = { ...partition, position, ...(missed && { missed }) }
    const changes = { checkpoint, ...batch.content(partition) }
    for (;;) {
      const result = await this.#try(changes)
      if (result?.committed) {
        this.#position = position
        this.#toIsolate = Math.max(0, this.#toIsolate - batch.calls)
        return result
      }
      if (result !== undefined || this.#isClosed) throw new Refused('lease_lost')
      await sleep(RETRY_MS)
    }
  }

  /** Moves the store's time. @returns why it did not move @throws Refused */
  async reach(onlyIf: CommitCondition): Promise<'log_grew' | 'too_early' | undefined> {
    const { partition } = this.#options
    const result = await this.#try({ checkpoint: { ...partition, position: onlyIf.head }, onlyIf })
    if (result === undefined) return 'too_early'
    if (result.committed) {
      this.#position = Math.max(this.#position, onlyIf.head)
      return undefined
    }
    if (result.reason === 'lease_lost' || result.reason === 'conflict') throw new Refused('lease_lost')
    return result.reason
  }

  /** @returns undefined when it may be tried again @throws Refused */
  async #try(changes: Changes): Promise<CommitResult | undefined> {
    const { storage, lease, host } = this.#options
    const asked = performance.now()
    try {
      const result = await lease.commit((...args) => storage.commit(...args), changes)
      host.metrics.storageOperation('commit', (performance.now() - asked) / 1_000)
      return result
    } catch (error) {
      host.metrics.storageError('commit')
      host.logger.warn({ err: error, processor: this.#options.partition.name }, 'A processor cannot commit')
      if (isEventsError(error) && ['EVENTS_INVALID', 'EVENTS_STORAGE_FAILED'].includes(error.code))
        throw new Refused('content', error)
      return undefined
    }
  }
}
