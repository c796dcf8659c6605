/** Functions that are called when anything under a name changes. */
export class Watchers {
  readonly #byName = new Map<string, Set<() => void>>()

  /** Adds a watcher and returns a function that removes it. */
  add(name: string, wake: () => void): () => void {
    const watchers = this.#byName.get(name) ?? new Set()
    this.#byName.set(name, watchers)
    // Wrapped, because the same function may watch twice.
    const watcher = () => wake()
    watchers.add(watcher)
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#byName.get(name) === watchers) this.#byName.delete(name)
    }
  }

  /** Wakes the watchers after the current change; an error that one of them throws does not affect the others. */
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

/** Callers pass the function, and they also poll: a failed call counts as a hint that did not arrive. */
function callSafely(watcher: () => void): void {
  try {
    watcher()
  } catch {}
}
