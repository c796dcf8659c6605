import { Fifo } from '../../fifo.ts'

interface Entry {
  readonly position: number
  done: boolean
}

/**
 * Tracks the progress of a consumer whose events finish out of order: every event up to `handled` is done; an event above
 * it does not count as handled yet, even if it has finished.
 */
export class PositionTracker {
  readonly #open = new Fifo<Entry>()
  readonly #byPosition = new Map<number, Entry>()
  #handled: number
  #examined: number

  /** @param position the last position that was handled before */
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

  /** Records that an event was passed to the handler. Positions must come in order. */
  begin(position: number): void {
    const entry = { position, done: false }
    this.#open.push(entry)
    this.#byPosition.set(position, entry)
    this.#examined = position
  }

  /** Records that all events up to `position` were examined, so that the checkpoint advances even if none match. */
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
