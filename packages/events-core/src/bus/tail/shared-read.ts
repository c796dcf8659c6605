/** A read that several readers share: it begins with the first reader, and is aborted when all readers have left. */
export class SharedRead<T> {
  readonly answer: Promise<T>
  readonly #abandoned: () => void
  readonly #controller = new AbortController()
  #readers = 0

  /** @param abandoned called if all readers left before the read was done */
  constructor(read: (signal: AbortSignal) => Promise<T>, abandoned: () => void) {
    this.answer = read(this.#controller.signal)
    this.#abandoned = abandoned
  }

  join(): this {
    this.#readers++
    return this
  }

  /** Called once by each reader that no longer waits for the result. */
  leave(): void {
    if (--this.#readers > 0) return
    this.#abandoned()
    this.#controller.abort()
  }
}
