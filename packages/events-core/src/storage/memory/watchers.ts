/** Functions to be called when something of a name changes. */
export class Watchers {
  readonly #byName = new Map<string, Set<() => void>>()

  /** Returns a function that ends it. */
  add(name: string, wake: () => void): () => void {
    const watchers = this.#byName.get(name) ?? new Set()
    this.#byName.set(name, watchers)
    // An object of its own, because a function may watch twice.
    const watcher = () => wake()
    watchers.add(watcher)
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#byName.get(name) === watchers) this.#byName.delete(name)
    }
  }

  /** Wakes the watchers after the change that is under way; what one of them throws is its own. */
  wake(name: string): void {
    const watchers = this.#byName.get(name)
    if (watchers === undefined) return
    queueMicrotask(() => {
      for (const watcher of watchers) callSafely(watcher)
    })
  }

  clear(): void {
    for (const watchers of this.#byName.values()) watchers.clear()
    this.#byName.clear()
  }
}

/** Others write the function, and they also poll: a call that fails is a hint that did not come. */
function callSafely(watcher: () => void): void {
  try {
    watcher()
  } catch {}
}
