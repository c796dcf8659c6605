/** Wakes one waiter. A notification that comes while nobody waits is kept for the next one. */
export class Signal {
  #notified = false
  #wake: (() => void) | undefined

  notify(): void {
    this.#notified = true
    this.#wake?.()
  }

  /** Resolves at the next notification, or after `timeoutMs`. */
  async wait(timeoutMs?: number): Promise<void> {
    if (!this.#notified) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs)
      this.#wake = resolve
      await promise
      clearTimeout(timer)
      this.#wake = undefined
    }
    this.#notified = false
  }
}
