/** A read that several readers share: it begins with the first, and is given up when all of them have left. */
export class SharedRead<T> {
  readonly answer: Promise<T>
  readonly #abandoned: () => void
  readonly #controller = new AbortController()
  #readers = 0

  /** @param abandoned called when all have left before the answer came */
  constructor(read: (signal: AbortSignal) => Promise<T>, abandoned: () => void) {
    this.answer = read(this.#controller.signal)
    this.#abandoned = abandoned
  }

  join(): this {
    this.#readers++
    return this
  }

  /** Called once by each reader that does not wait for the answer any more. */
  leave(): void {
    if (--this.#readers > 0) return
    this.#abandoned()
    this.#controller.abort()
  }
}
