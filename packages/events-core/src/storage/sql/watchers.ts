import { AsyncResource } from 'node:async_hooks'
import { type Changed, type Channel, LOG, type Runner } from './runner.ts'

interface Watcher {
  readonly of: Changed
  readonly wake: () => void
}

/**
 * Those who are woken when events or documents change. The channel to other processes is there while the store is open and
 * somebody watches.
 */
export class Watchers {
  readonly #watchers = new Set<Watcher>()
  #runner: Runner | undefined
  #channel: Channel | undefined

  /** Whether the channel hears; undefined without one, or where it cannot break. */
  get isListening(): boolean | undefined {
    return this.#channel?.isUp
  }

  /** Has `wake` called in the context of the caller. Returns a function that ends it. */
  add(of: Changed, wake: () => void): () => void {
    const watcher: Watcher = { of, wake: AsyncResource.bind(wake) }
    this.#watchers.add(watcher)
    this.#listen()
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#end()
    }
  }

  /** Wakes those who watch what was changed. */
  wake(changed: Changed): void {
    for (const { of, wake } of this.#watchers) {
      if (changed !== undefined && of !== changed) continue
      try {
        wake()
      } catch {
        // Code of others. It is a hint: its caller polls as well.
      }
    }
  }

  opened(runner: Runner): void {
    this.#runner = runner
    if (this.#watchers.size > 0) this.#listen()
  }

  /** Those who watch the log stay, for when the store is opened again. */
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
