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
  /**
   * Returns the lease under which retries are made; undefined while this process does not run the subscription, or while it
   * is paused.
   */
  readonly lease: () => HeldLease | undefined
  readonly failed: (error: unknown) => void
}

/**
 * Passes dead letters with a requested retry to the handler again: one at a time, so that a cancelled retry does not
 * happen, and apart from the subscription's own events, whose checkpoint it never moves. A dead letter that fails again is
 * stored again, with its attempts added up.
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

  /**
   * Checks for retry requests, unless a check is under way. Called at every renewal of the lease, so a failed check can
   * wait for the next.
   */
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

  /** Waits for the call under way. Returns the number of calls still running after the timeout: 0 or 1. */
  async stop(timeoutMs: number): Promise<number> {
    this.#stopped = true
    this.#queue.clear()
    await this.#queue.idle(timeoutMs)
    const left = this.#queue.inFlight
    this.#queue.cancel(new EventsError('EVENTS_NOT_RUNNING', 'The bus stopped before the handler settled'))
    return left
  }

  /**
   * Stores a failure, fenced by the partition too: a deleted subscription must not leave dead letters, which another of its
   * name would get.
   */
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

  /**
   * Stores the outcome of a retry. Returns false if the store failed; the dead letter is then still marked, and is retried
   * again.
   */
  async #conclude(letter: DeadLetter, error: unknown): Promise<boolean> {
    const { store, subscription, attempts } = this.#options
    // A failure caused by the stop does not count.
    if (error !== undefined && this.#stopped) return false
    try {
      if (error === undefined) await store.delete({ id: letter.id })
      // A dead letter that was deleted meanwhile stays deleted.
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
