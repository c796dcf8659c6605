import { hash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import type { EventBus, EventInput } from '@viewra/events-core'
import { type JobContext, type JobKind, jobKind } from '@viewra/events-core/jobs'
import { EntryReport } from './entry-report.ts'
import { orderedWalk } from './ordered-walk.ts'
import { ScanEvents } from './scan-events.ts'
import { emptyTally, type Tally } from './tally.ts'
import type { Entry } from './walk.ts'

export interface ScanInput {
  /** An absolute path. */
  readonly path: string
  readonly library_id: number
}

export type ScanResult = Readonly<Tally> & { readonly duration_ms: number }

export interface ScanCheckpoint {
  readonly started_ms: number
  readonly tally: Readonly<Tally>
  /** The path of the last entry that was published; null before the first. */
  readonly after: string | null
}

/** The reason in `scan.failed` when the job was cancelled. */
const CANCELLED = 'cancelled'

type Context = JobContext<ScanInput, ScanCheckpoint>

/**
 * Returns a job that scans a directory tree. It saves its place after every few files, so a process that takes it over
 * continues there. The files since then are published again, with the same ids: the store keeps one event for each.
 * @param concurrency files read and published in parallel, after which the place is saved
 */
export function scanJob(bus: EventBus, concurrency: number): JobKind<ScanInput, ScanResult, ScanCheckpoint> {
  return jobKind('library-scan', (job: Context) => new ScanJob(job, bus, concurrency).run())
}

class ScanJob {
  readonly #job: Context
  readonly #bus: EventBus
  readonly #concurrency: number
  readonly #events: ScanEvents
  readonly #tally: Tally
  readonly #startedMs: number
  #after: string | null

  constructor(job: Context, bus: EventBus, concurrency: number) {
    const { id, input, checkpoint } = job
    this.#job = job
    this.#bus = bus
    this.#concurrency = concurrency
    this.#events = new ScanEvents(id, input.library_id)
    this.#tally = { ...(checkpoint?.tally ?? emptyTally()) }
    this.#startedMs = checkpoint?.started_ms ?? Date.now()
    this.#after = checkpoint?.after ?? null
  }

  async run(): Promise<ScanResult> {
    try {
      await this.publish(this.#events.started(this.#job.input.path))
      const root = await realpath(this.#job.input.path)
      if (this.#job.checkpoint === undefined) await this.#count(root)
      await this.#scan(root)
    } catch (error) {
      await this.#failed(error)
      throw error
    }
    await this.publish(this.#events.completed(this.#tally, this.#durationMs))
    return { ...this.#tally, duration_ms: this.#durationMs }
  }

  /** Derives the id from the subject of the event, so that it is the same in each attempt. */
  async publish(event: EventInput): Promise<void> {
    const subject = [this.#job.id, event.type, event.data?.path, event.data?.details]
    await this.#bus.publish({ ...event, id: hash('sha256', JSON.stringify(subject)).slice(0, 32) })
  }

  async #count(root: string): Promise<void> {
    for await (const { kind } of orderedWalk(root)) {
      this.#job.signal.throwIfAborted()
      if (kind === 'file') this.#tally.counted++
    }
    await this.#save()
  }

  async #scan(root: string): Promise<void> {
    const report = new EntryReport({ publisher: this, events: this.#events, tally: this.#tally })
    for await (const entries of batches(orderedWalk(root, this.#after ?? undefined), this.#concurrency)) {
      this.#job.signal.throwIfAborted()
      await Promise.all(entries.map((entry) => report.entry(entry)))
      const last = entries.at(-1)
      if (last !== undefined) this.#after = pathOf(last)
      await this.#save()
    }
  }

  /** Stores the progress of the scan and the place at which to continue. */
  async #save(): Promise<void> {
    const { counted, found, published, unreadable } = this.#tally
    this.#job.progress(published + unreadable, Math.max(counted, found), this.#after ?? '')
    await this.#job.save({ started_ms: this.#startedMs, tally: { ...this.#tally }, after: this.#after })
  }

  /** Publishes the failure, except after a stop or a takeover, when the scan continues. */
  async #failed(error: unknown): Promise<void> {
    const { signal } = this.#job
    if (signal.aborted && !this.#job.cancelled) return
    const reason = this.#job.cancelled ? CANCELLED : error instanceof Error ? error.message : String(error)
    await this.publish(this.#events.failed(reason, this.#tally, this.#durationMs))
  }

  get #durationMs(): number {
    // A clock that was set back in the meantime must not make it negative.
    return Math.max(0, Date.now() - this.#startedMs)
  }
}

function pathOf(entry: Entry): string {
  return entry.kind === 'problem' ? entry.problem.path : entry.path
}

async function* batches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[], void> {
  let batch: T[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
