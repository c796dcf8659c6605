import type { LogItem, LogReader } from './log-reader.ts'
import type { Signal } from './signal.ts'

/** A log reader that is opened on demand and can be closed while it is not needed. */
export class PausableReader {
  readonly #open: (after: number, signal: Signal) => LogReader
  readonly #signal: Signal
  #reader: LogReader | undefined

  /** @param signal notified when there may be more; a caller may notify it too, to make `next` return */
  constructor(open: (after: number, signal: Signal) => LogReader, signal: Signal) {
    this.#open = open
    this.#signal = signal
  }

  /** True if everything was taken. */
  get isIdle(): boolean {
    return this.#reader?.mayWait ?? false
  }

  /** The last position that was examined, if everything was taken; undefined otherwise. */
  get idlePosition(): number | undefined {
    return this.isIdle ? this.#reader?.position : undefined
  }

  /**
   * Takes the next item. If there is none, reads on or waits, and returns undefined; the caller then asks again.
   * @param after the position after which the reader begins if it is not open
   * @param timeoutMs the longest wait; unlimited by default
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

  /** Closes the reader, so that events that are deleted before it is opened again do not come from the live buffer. */
  close(): void {
    this.#reader?.close()
    this.#reader = undefined
  }
}
