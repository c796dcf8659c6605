import type { LogItem, LogReader } from './log-reader.ts'
import type { Signal } from './signal.ts'

/** A log reader that is opened when it is needed, and let go while nobody reads. */
export class PausableReader {
  readonly #open: (after: number, signal: Signal) => LogReader
  readonly #signal: Signal
  #reader: LogReader | undefined

  /** @param signal notified when there may be more; also by whoever wants `next` to return */
  constructor(open: (after: number, signal: Signal) => LogReader, signal: Signal) {
    this.#open = open
    this.#signal = signal
  }

  /** Whether all that there is was taken. */
  get isIdle(): boolean {
    return this.#reader?.mayWait ?? false
  }

  /** The last position that was examined, when all was taken; undefined otherwise. */
  get idlePosition(): number | undefined {
    return this.isIdle ? this.#reader?.position : undefined
  }

  /**
   * Takes the next item. Without one it does what leads to more, or waits for it, and returns undefined: ask again.
   * @param after the position behind which it begins when it is not open
   * @param timeoutMs how long it waits; without end by default
   */
  async next(after: number, timeoutMs?: number): Promise<LogItem | undefined> {
    this.#reader ??= this.#open(after, this.#signal)
    const item = this.#reader.take()
    if (item !== undefined) return item
    if (!this.#reader.mayWait) {
      await this.#reader.readOn()
      return undefined
    }
    this.#reader.wait()
    await this.#signal.wait(timeoutMs)
    return undefined
  }

  /** Lets go of what it holds: what is deleted until it is opened again does not come from the live buffer. */
  close(): void {
    this.#reader?.close()
    this.#reader = undefined
  }
}
