import { AsyncResource } from 'node:async_hooks'
import type { Channel, Runner } from './runner.ts'

/** Those who are woken after other processes changed something. The channel is there while the store is open and somebody watches. */
export class Watchers {
  readonly #wakes = new Set<() => void>()
  #runner: Runner | undefined
  #channel: Channel | undefined

  /** Whether the channel hears; undefined without one, or where it cannot break. */
  get isListening(): boolean | undefined {
    return this.#channel?.isUp
  }

  /** Has `wake` called in the context of the caller. Returns a function that ends it. */
  add(wake: () => void): () => void {
    // Bound, so the same function may watch twice.
    const bound = AsyncResource.bind(wake)
    this.#wakes.add(bound)
    this.#listen()
    return () => {
      this.#wakes.delete(bound)
      if (this.#wakes.size === 0) this.#end()
    }
  }

  opened(runner: Runner): void {
    this.#runner = runner
    if (this.#wakes.size > 0) this.#listen()
  }

  /** Those who watch stay, for when the store is opened again. */
  closed(): void {
    this.#end()
    this.#runner = undefined
  }

  #listen(): void {
    this.#channel ??= this.#runner?.listen(() => this.#wake())
  }

  #end(): void {
    this.#channel?.end()
    this.#channel = undefined
  }

  /** Code of others: one that throws must not keep the rest from being woken. Who must know polls as well. */
  #wake(): void {
    for (const wake of this.#wakes) {
      try {
        wake()
      } catch {
        // It is a hint: its caller polls as well.
      }
    }
  }
}
