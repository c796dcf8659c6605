import { createEventId } from '../../event/id.ts'
import { formatTimestamp } from '../../event/timestamp.ts'
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterStore,
  Failure,
} from '../contract/dead-letters.ts'
import { PageRoom } from '../page-room.ts'

export interface MemoryDeadLettersOptions {
  readonly now: () => number
  /** Throws while the store is not open. */
  readonly mustBeOpen: () => void
}

/** Dead letters in memory, in the order in which they first failed. */
export class MemoryDeadLetters implements DeadLetterStore {
  readonly #options: MemoryDeadLettersOptions
  readonly #letters = new Map<string, DeadLetter>()

  constructor(options: MemoryDeadLettersOptions) {
    this.#options = options
  }

  /** Stores a failure. An existing dead letter for the event gets the new error, and the attempts are added. */
  keep(failure: Failure): void {
    const { subscription, event, error, stack, attempts } = failure
    const nowMs = this.#options.now()
    const now = formatTimestamp(nowMs)
    const before = this.#all().find(
      (letter) => letter.subscription === subscription && letter.event.id === event.id,
    )
    const id = before?.id ?? createEventId(nowMs)
    this.#letters.set(id, {
      id,
      subscription,
      event,
      error,
      stack,
      attempts: attempts + (before?.attempts ?? 0),
      first_failed_at: before?.first_failed_at ?? now,
      last_failed_at: now,
      retrying: false,
    })
  }

  async list(query: { filter?: DeadLetterFilter; limit: number; after?: string }): Promise<DeadLetterPage> {
    this.#options.mustBeOpen()
    const { filter = {}, limit, after } = query
    const matching = this.#matching(filter).reverse()
    const from = after === undefined ? 0 : matching.findIndex((letter) => letter.id < after)
    const room = new PageRoom(limit)
    const rest = from === -1 ? [] : matching.slice(from, from + limit)
    const page = rest.filter(({ event }) => room.take(JSON.stringify(event).length))
    const last = page.at(-1)
    const hasMore = last !== undefined && matching.at(-1) !== last
    return { deadLetters: page, total: matching.length, ...(hasMore && { next: last.id }) }
  }

  async delete(filter: DeadLetterFilter): Promise<number> {
    this.#options.mustBeOpen()
    const gone = this.#matching(filter)
    for (const { id } of gone) this.#letters.delete(id)
    return gone.length
  }

  async requestRetry(filter: DeadLetterFilter, limit: number): Promise<number> {
    this.#options.mustBeOpen()
    const chosen = this.#matching(filter).filter((letter) => !letter.retrying)
    return this.#mark(chosen.slice(0, limit), true)
  }

  async cancelRetry(filter: DeadLetterFilter): Promise<number> {
    this.#options.mustBeOpen()
    return this.#mark(
      this.#matching(filter).filter((letter) => letter.retrying),
      false,
    )
  }

  async retryRequests(subscription: string, limit: number): Promise<readonly DeadLetter[]> {
    this.#options.mustBeOpen()
    const requests = this.#matching({ subscription }).filter((letter) => letter.retrying)
    return requests.slice(0, limit)
  }

  /** Moves the dead letters of a renamed subscription. */
  rename(name: string, to: string): void {
    for (const letter of this.#matching({ subscription: name })) {
      this.#letters.set(letter.id, { ...letter, subscription: to })
    }
  }

  /** Deletes the dead letters of a deleted subscription. */
  forget(name: string): void {
    for (const { id } of this.#matching({ subscription: name })) this.#letters.delete(id)
  }

  #all(): DeadLetter[] {
    return [...this.#letters.values()]
  }

  /** Returns the matching dead letters, oldest first. */
  #matching({ id, subscription, type }: DeadLetterFilter): DeadLetter[] {
    return this.#all().filter(
      (letter) =>
        (id === undefined || letter.id === id) &&
        (subscription === undefined || letter.subscription === subscription) &&
        (type === undefined || letter.event.type === type),
    )
  }

  #mark(letters: readonly DeadLetter[], retrying: boolean): number {
    for (const letter of letters) this.#letters.set(letter.id, { ...letter, retrying })
    return letters.length
  }
}
