/** Wakes one waiter. A notification without a waiter is kept for the next one. */
export class Signal {
  #notified = false
  #wake: (() => void) | undefined

  notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake === undefined) this.#notified = true
    else wake()
  }

  /** Resolves at the next notification, or after `timeoutMs`. It may also resolve because of an earlier notification. */
  wait(timeoutMs?: number): Promise<void> {
    const isNotified = this.#notified
    this.#notified = false
    if (isNotified) return Promise.resolve()
    // Not an async function: thousands of readers wait here for each event.
    const waiting = new Promise<void>(this.#setWake)
    return timeoutMs === undefined ? waiting : this.#inTime(waiting, timeoutMs)
  }

  /** Calls `wake` once, without a promise, at the next notification. Returns false if there was already one. */
  arm(wake: () => void): boolean {
    const isNotified = this.#notified
    this.#notified = false
    if (!isNotified) this.#wake = wake
    return !isNotified
  }

  async #inTime(waiting: Promise<void>, timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.notify(), timeoutMs)
    await waiting
    clearTimeout(timer)
  }

  readonly #setWake = (resolve: () => void): void => {
    this.#wake = resolve
  }
}
