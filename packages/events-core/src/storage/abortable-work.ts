/** As the signal's own method, which signals of other realms and polyfills may lack. @throws the signal's reason */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw signal.reason
}

/** Work under way, each piece of which ends when its caller aborts, and all of it when the store is closed. */
export class AbortableWork {
  readonly #controllers = new Set<AbortController>()

  /**
   * @param work is to heed the signal that it gets
   * @throws the reason, whatever the work throws, when the signal has aborted or all work was
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
