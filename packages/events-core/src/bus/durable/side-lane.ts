import { EventsError } from '../../errors.ts'
import type { PublishedEvent } from '../../event/event.ts'
import type { Commits } from '../../storage/contract/commit.ts'
import type { DeadLetter, DeadLetterStore, Failure } from '../../storage/contract/dead-letters.ts'
import type { HeldLease } from '../../storage/contract/leases.ts'
import type { DeliveryQueue } from '../delivery/delivery-queue.ts'
import { failureOf } from './failure.ts'

export interface DeadLetterLaneOptions {
  readonly subscription: string
  readonly store: DeadLetterStore
  readonly commit: Commits['commit']
  readonly createQueue: (finished: (event: PublishedEvent, error: unknown) => void) => DeliveryQueue
  readonly attempts: number
  /** The lease on which retries are made; undefined while this process does not run the subscription, or it is paused. */
  readonly lease: () => HeldLease | undefined
  readonly failed: (error: unknown) => void
}

/**
 * Brings dead letters whose retry was asked for to the handler again: one at a time, so that a retry that is taken back
 * does not happen, and apart from the subscription's own events, whose checkpoint this never moves. One that fails again
 * is parked again, with its attempts added up.
 */
export class DeadLetterLane {
  readonly #options: DeadLetterLaneOptions
  readonly #queue: DeliveryQueue
  #letter: DeadLetter | undefined
  #lease: HeldLease | undefined
  #looking = false
  #stopped = false

  constructor(options: DeadLetterLaneOptions) {
    this.#options = options
    this.#queue = options.createQueue((event, error) => void this.#finished(event, error))
  }

  /** Looks for a request, unless one is under way. Asked at every renewal of the lease, so a failure may wait for the next. */
  async look(): Promise<void> {
    const { store, subscription, lease } = this.#options
    if (this.#looking || this.#letter !== undefined || this.#stopped || lease() === undefined) return
    this.#looking = true
    try {
      const [letter] = await store.retryRequests(subscription, 1)
      const held = lease()
      if (letter === undefined || this.#stopped || held === undefined) return
      this.#letter = letter
      this.#lease = held
      this.#queue.push(letter.event)
    } catch (error) {
      this.#options.failed(error)
    } finally {
      this.#looking = false
    }
  }

  /** Waits for the call under way. Answers how many were left when the time was up: 0 or 1. */
  async stop(timeoutMs: number): Promise<number> {
    this.#stopped = true
    this.#queue.clear()
    await this.#queue.idle(timeoutMs)
    const left = this.#queue.inFlight
    this.#queue.cancel(
      new EventsError('EVENTS_NOT_RUNNING', 'The bus stopped before the handler had settled'),
    )
    return left
  }

  /** Fenced by the partition, too: a subscription that was deleted leaves nothing behind, or to another of its name. */
  async #park(failure: Failure): Promise<boolean> {
    if (this.#lease === undefined) return false
    const checkpoint = { name: failure.subscription, partition: 0 }
    return (await this.#options.commit(this.#lease, { checkpoint, failures: [failure] })).committed
  }

  async #finished(event: PublishedEvent, error: unknown): Promise<void> {
    const letter = this.#letter
    if (letter === undefined || letter.event.id !== event.id) return
    const isStored = await this.#conclude(letter, error)
    this.#letter = undefined
    if (isStored) void this.look()
  }

  /** False when the store did not take it; then it is still marked, and comes again. */
  async #conclude(letter: DeadLetter, error: unknown): Promise<boolean> {
    const { store, subscription, attempts } = this.#options
    // What failed because of the stop has not failed.
    if (error !== undefined && this.#stopped) return false
    try {
      if (error === undefined) await store.delete({ id: letter.id })
      // One that was deleted meanwhile stays deleted.
      else if ((await store.list({ filter: { id: letter.id }, limit: 1 })).total > 0) {
        return await this.#park(failureOf(subscription, letter.event, error, attempts))
      }
      return true
    } catch (failure) {
      this.#options.failed(failure)
      return false
    }
  }
}
