import { randomUUID } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { EntryReport } from './entry-report.ts'
import type { Publisher } from './publishers/publisher.ts'
import { type Progress, ScanEvents } from './scan-events.ts'
import { emptyTally, type Tally } from './tally.ts'
import { throttle } from './throttle.ts'
import { type Entry, walk } from './walk.ts'

export interface ScanOptions {
  readonly directory: string
  readonly libraryId: number
  readonly publisher: Publisher
  /** Files read and published in parallel; 16 by default. */
  readonly concurrency?: number
  /** Ends the scan when aborted: no further file is started, those in progress are still published. */
  readonly signal?: AbortSignal
  /** Called with the data of each `scan.progress`. */
  readonly onProgress?: (progress: Progress) => void
  /** Returns milliseconds since any moment, never going back; `performance.now` by default. */
  readonly now?: () => number
}

export interface ScanReport extends Readonly<Tally> {
  /** The reason why the scan ended early; absent if it was completed. */
  readonly failure?: string
  readonly durationMs: number
}

/** The reason in `scan.failed` when the scan's signal was aborted. */
export const INTERRUPTED = 'interrupted'

const PROGRESS_INTERVAL_MS = 100
const DEFAULT_CONCURRENCY = 16

/**
 * Walks a directory tree twice: first to count its files, so that progress can be reported, then to read and publish
 * them. A file that cannot be read is published as a warning and does not end the scan.
 *
 * If `scan.started` could be published, the scan ends with `scan.completed` or `scan.failed`, and the report says
 * the same.
 * @throws if an event that starts or ends the scan could not be published
 */
export function scan(options: ScanOptions): Promise<ScanReport> {
  return new Scan(options).run()
}

class Scan {
  readonly #options: ScanOptions
  readonly #publisher: Publisher
  readonly #events: ScanEvents
  readonly #tally = emptyTally()
  readonly #report: EntryReport
  readonly #now: () => number
  readonly #startedMs: number
  readonly #progressDue: () => boolean
  /** Progress is published one event at a time: a slow one would be stored after its successor. */
  #publishingProgress = false

  constructor(options: ScanOptions) {
    this.#options = options
    this.#publisher = options.publisher
    this.#events = new ScanEvents(randomUUID(), options.libraryId)
    this.#report = new EntryReport({ ...options, events: this.#events, tally: this.#tally })
    this.#now = options.now ?? (() => performance.now())
    this.#startedMs = this.#now()
    this.#progressDue = throttle(PROGRESS_INTERVAL_MS, this.#now)
  }

  async run(): Promise<ScanReport> {
    const { directory, signal } = this.#options
    await this.#publisher.publish(this.#events.started(directory))
    try {
      const root = await realpath(directory)
      await this.#count(root)
      await this.#scan(root)
    } catch (error) {
      return this.#failed(error instanceof Error ? error.message : String(error))
    }
    return signal?.aborted ? this.#failed(INTERRUPTED) : this.#completed()
  }

  async #count(root: string): Promise<void> {
    for await (const { kind } of walk(root, this.#options.signal)) {
      if (kind === 'file') this.#tally.counted++
    }
  }

  /** After an error no further entry is started; the error is thrown once those in progress have ended. */
  async #scan(root: string): Promise<void> {
    const failed = new AbortController()
    const { signal: outside, concurrency = DEFAULT_CONCURRENCY } = this.#options
    const signal = outside === undefined ? failed.signal : AbortSignal.any([failed.signal, outside])
    const handle = async (entry: Entry) => {
      if (!signal.aborted) await this.#entry(entry).catch((error) => failed.abort(error))
    }
    await Readable.from(walk(root, signal)).forEach(handle, { concurrency })
    failed.signal.throwIfAborted()
  }

  async #entry(entry: Entry): Promise<void> {
    await this.#report.entry(entry)
    if (entry.kind === 'file') await this.#progress(entry.path)
  }

  async #progress(currentFile: string): Promise<void> {
    if (this.#publishingProgress || !this.#progressDue()) return
    this.#publishingProgress = true
    const event = this.#events.progress(this.#tally, currentFile)
    this.#options.onProgress?.(event.data)
    await this.#publisher.publish(event)
    this.#publishingProgress = false
  }

  async #completed(): Promise<ScanReport> {
    const durationMs = this.#durationMs()
    await this.#publisher.publish(this.#events.completed(this.#tally, durationMs))
    return { ...this.#tally, durationMs }
  }

  async #failed(failure: string): Promise<ScanReport> {
    const durationMs = this.#durationMs()
    await this.#publisher.publish(this.#events.failed(failure, this.#tally, durationMs))
    return { ...this.#tally, durationMs, failure }
  }

  #durationMs(): number {
    return Math.round(this.#now() - this.#startedMs)
  }
}
