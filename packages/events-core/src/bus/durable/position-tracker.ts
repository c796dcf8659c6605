import { Fifo } from '../../fifo.ts'

interface Entry {
  readonly position: number
  done: boolean
}

/**
 * How far a consumer is whose events finish out of order: everything up to `handled` is done, and nothing above it is
 * taken for done because it came early.
 */
export class PositionTracker {
  readonly #open = new Fifo<Entry>()
  readonly #byPosition = new Map<number, Entry>()
  #handled: number
  #examined: number

  /** @param position the last one that was handled before */
  constructor(position: number) {
    this.#handled = position
    this.#examined = position
  }

  get handled(): number {
    return this.#handled
  }

  get examined(): number {
    return this.#examined
  }

  /** Notes an event that was handed to the handler. Positions come in order. */
  begin(position: number): void {
    const entry = { position, done: false }
    this.#open.push(entry)
    this.#byPosition.set(position, entry)
    this.#examined = position
  }

  /** Notes that all up to `position` was looked at, so that a filter that matches nothing still advances. */
  examine(position: number): void {
    this.#examined = Math.max(this.#examined, position)
    this.#advance()
  }

  finish(position: number): void {
    const entry = this.#byPosition.get(position)
    if (entry === undefined) return
    entry.done = true
    this.#byPosition.delete(position)
    this.#advance()
  }

  #advance(): void {
    for (let entry = this.#open.peek(); entry?.done; entry = this.#open.peek()) {
      this.#handled = entry.position
      this.#open.shift()
    }
    if (this.#open.size === 0) this.#handled = this.#examined
  }
}
