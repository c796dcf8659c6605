/**
 * Does the same as the method of AbortSignal, which signals of other realms and polyfills may lack. @throws the signal's
 * reason
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason
}

/** Tracks the calls under way: each ends when its caller aborts, and all of them when the store closes. */
export class AbortableWork {
  readonly #controllers = new Set<AbortController>()

  /**
   * @param work must end when the signal that it gets aborts
   * @throws the abort's reason, whatever `work` throws, if the signal or all work was aborted
   */
  async run<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    throwIfAborted(signal)
    const controller = new AbortController()
    const abort = () => controller.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#controllers.add(controller)
    try {
      return await work(controller.signal)
    } catch (error) {
      controller.signal.throwIfAborted()
      throw error
    } finally {
      this.#controllers.delete(controller)
      signal?.removeEventListener('abort', abort)
    }
  }

  abort(reason: Error): void {
    for (const controller of this.#controllers) controller.abort(reason)
  }
}
