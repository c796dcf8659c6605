import { AsyncResource } from 'node:async_hooks'
import { type Changed, type Channel, LOG, type Runner } from './runner.ts'

interface Watcher {
  readonly of: Changed
  readonly wake: () => void
}

/**
 * Functions that are called when events or documents change. The channel to other processes exists while the store is open
 * and has watchers.
 */
export class Watchers {
  readonly #watchers = new Set<Watcher>()
  #runner: Runner | undefined
  #channel: Channel | undefined

  /** True while the channel is up; undefined without a channel, or for one that cannot break. */
  get isListening(): boolean | undefined {
    return this.#channel?.isUp
  }

  /** Adds a watcher, which is called in the caller's async context. Returns a function that removes it. */
  add(of: Changed, wake: () => void): () => void {
    const watcher: Watcher = { of, wake: AsyncResource.bind(wake) }
    this.#watchers.add(watcher)
    this.#listen()
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#end()
    }
  }

  /** Calls the watchers of whatever was changed. */
  wake(changed: Changed): void {
    for (const { of, wake } of this.#watchers) {
      if (changed !== undefined && of !== changed) continue
      try {
        wake()
      } catch {
        // The callers pass `wake`, and they also poll: a failed call counts as a hint that did not arrive.
      }
    }
  }

  opened(runner: Runner): void {
    this.#runner = runner
    if (this.#watchers.size > 0) this.#listen()
  }

  /** Closes the channel. Watchers of the log stay, for when the store is opened again. */
  closed(): void {
    this.#end()
    for (const watcher of this.#watchers) if (watcher.of !== LOG) this.#watchers.delete(watcher)
    this.#runner = undefined
  }

  #listen(): void {
    this.#channel ??= this.#runner?.listen((changed) => this.wake(changed))
  }

  #end(): void {
    this.#channel?.end()
    this.#channel = undefined
  }
}
