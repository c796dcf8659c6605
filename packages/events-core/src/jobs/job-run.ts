import { setTimeout as sleep } from 'node:timers/promises'
import type { LeaseHolder } from '../bus/workers/lease-holder.ts'
import type { BusHost } from '../bus/workers/worker.ts'
import { errorText } from '../describe-error.ts'
import { EventsError, isEventsError } from '../errors.ts'
import type { JsonValue } from '../event/json.ts'
import { formatTimestamp } from '../event/timestamp.ts'
import type { CommitResult } from '../storage/contract/commit.ts'
import type { EventStorage } from '../storage/contract/storage.ts'
import type { JobContext, JobKind } from './job.ts'
import { checkPayload, MAX_TEXT } from './job-limits.ts'
import {
  COLLECTION,
  documentOf,
  isEnded,
  type JobRecord,
  type JobStore,
  type VersionedJob,
} from './job-store.ts'
import { ProgressMeter } from './progress-meter.ts'

export interface JobRunOptions {
  readonly found: VersionedJob
  readonly kind: JobKind<unknown, unknown, unknown>
  readonly lease: LeaseHolder
  readonly store: JobStore
  readonly storage: EventStorage
  readonly host: BusHost
}

const SAVE_MS = 500
const RETRY_MS = 250

/** Returns changes of a job. */
type Change = (job: JobRecord) => Partial<JobRecord>

/** How an attempt ended. */
type Outcome = Pick<JobRecord, 'state'> & Partial<Pick<JobRecord, 'result' | 'error'>>

/**
 * One attempt at a job, under its lease. The document is written only under the lease, so a process that has lost it
 * changes nothing.
 *
 * - running: entered at the start. Stores progress twice a second and renews the lease.
 * - ending: entered when the job is cancelled, when the bus stops, or when the lease is lost. Aborts the signal; the job's
 *   reaction decides its outcome.
 * - ended: entered when the job has settled and its end is stored, or when the lease is lost. Never left.
 */
export class JobRun {
  readonly #options: JobRunOptions
  readonly #controller = new AbortController()
  #state: 'running' | 'ending' | 'ended' = 'running'
  #why: 'cancelled' | 'stopped' | 'lost' | undefined
  #job: JobRecord
  #version: number
  readonly #meter: ProgressMeter
  /** Writes of the document, one after the other. */
  #writing: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  constructor(options: JobRunOptions) {
    const { job, version } = options.found
    this.#options = options
    this.#job = job
    this.#version = version
    this.#meter = new ProgressMeter(job.progress, options.host.clock)
  }

  /** Runs the job. When this process is done with it, resolves with true if its outcome is stored; never rejects. */
  async run(): Promise<boolean> {
    const { host, lease } = this.#options
    try {
      const { attempts, crashes, state, started } = this.#job
      const now = formatTimestamp(host.clock())
      await this.#write(() => ({
        state: 'running',
        attempts: attempts + 1,
        // After an orderly stop the job is waiting.
        crashes: state === 'running' ? crashes + 1 : crashes,
        started: started ?? now,
      }))
      this.#scheduleSave()
      await this.#end(await this.#work())
      return this.#why !== 'lost'
    } catch (err) {
      if (this.#why !== 'lost')
        host.logger.warn({ err, job: this.#job.id }, 'Cannot store the outcome of a job')
      return false
    } finally {
      this.#enter('ended')
      clearTimeout(this.#timer)
      await lease.release().catch(() => undefined)
    }
  }

  /** Ends the attempt because the bus stops; the job continues later. */
  stop(): void {
    this.#abort('stopped', new DOMException('The bus is stopping; the job continues later', 'AbortError'))
  }

  /** Checks whether the job was cancelled or deleted. */
  async look(): Promise<void> {
    await this.#refresh().catch((error: unknown) => this.#failed(error))
  }

  /** Runs the job. Never rejects. */
  async #work(): Promise<Outcome> {
    if (this.#job.cancel_requested) return { state: 'cancelled' }
    let returned: unknown
    try {
      returned = await this.#options.kind.run(this.#context())
    } catch (error) {
      return this.#why === 'stopped' ? { state: 'waiting' } : failure(error)
    }
    // The size of the checkpoint counts, also if the job did not wait until it was stored.
    await this.#writing
    try {
      const { input, checkpoint } = this.#job
      return { state: 'succeeded', result: checkPayload('result', returned ?? null, [input, checkpoint]) }
    } catch (error) {
      return failure(error)
    }
  }

  /** Stores the outcome, retrying while the lease is held. */
  async #end(outcome: Outcome): Promise<void> {
    const now = formatTimestamp(this.#options.host.clock())
    while (this.#why !== 'lost') {
      try {
        return await this.#write((job) => ending(job, outcome, now))
      } catch (error) {
        // A store may have limits of its own.
        if (isEventsError(error) && error.code === 'EVENTS_INVALID')
          return await this.#write((job) => ending(job, failure(error), now))
        this.#failed(error)
        if (!this.#options.lease.isValid) throw error
        await sleep(RETRY_MS)
      }
    }
  }

  #context(): JobContext {
    const { id, input, checkpoint, attempts } = this.#job
    const isCancelled = () => this.#why === 'cancelled'
    return Object.freeze({
      id,
      // Copies, because the job may change them, and these would be stored with the next progress.
      input: structuredClone(input),
      checkpoint: structuredClone(checkpoint) ?? undefined,
      attempt: attempts,
      signal: this.#controller.signal,
      get cancelled() {
        return isCancelled()
      },
      progress: (done: number, total?: number, note?: string) => this.#meter.set(done, total, note),
      save: async (value: JsonValue) => {
        const saved = checkPayload('checkpoint', value, [input])
        await this.#write(() => ({ checkpoint: saved }))
      },
    })
  }

  #scheduleSave(): void {
    const { lease } = this.#options
    this.#timer = setTimeout(() => void this.#save(), Math.min(SAVE_MS, lease.renewalMs))
  }

  async #save(): Promise<void> {
    try {
      const isDue = this.#options.lease.dueInMs === 0
      if (isDue || this.#meter.progress !== this.#job.progress) await this.#write(() => ({}))
    } catch (error) {
      this.#failed(error)
      await this.#renew(error)
    }
    if (this.#state !== 'ended') this.#scheduleSave()
  }

  /** Renews the lease after a write that failed for another reason than the store's or the loss of the lease. */
  async #renew(error: unknown): Promise<void> {
    const { lease } = this.#options
    if (lease.dueInMs > 0 || (isEventsError(error) && error.retryable)) return
    try {
      if ((await lease.renew()) === undefined) this.#lose()
    } catch (failure) {
      this.#failed(failure)
    }
  }

  /**
   * Writes changes of the document, one after the other. @param change is called again if another process has changed
   * the document meanwhile. @throws EventsError EVENTS_LEASE_LOST, EVENTS_INVALID,
   * EVENTS_STORAGE_*
   */
  #write(change: Change): Promise<void> {
    const write = this.#writing.then(() => this.#commit(change))
    this.#writing = write.catch(() => undefined)
    return write
  }

  async #commit(change: Change): Promise<void> {
    const { lease, storage } = this.#options
    while (this.#why !== 'lost') {
      const job = { ...this.#job, progress: this.#meter.progress, ...change(this.#job) }
      const value = documentOf(job)
      const documents = [{ collection: COLLECTION, key: job.id, value, expected: this.#version }]
      const result = await lease.commit((...args) => storage.commit(...args), { documents })
      if (result.committed) {
        this.#job = job
        return await this.#refresh()
      }
      await this.#refused(result)
    }
    throw this.#lostError()
  }

  async #refused({ reason }: Extract<CommitResult, { committed: false }>): Promise<void> {
    if (reason === 'conflict') await this.#refresh()
    else this.#lose()
  }

  /** Reads the document's version, and whether the job was cancelled. */
  async #refresh(): Promise<void> {
    const found = await this.#options.store.get(this.#job.id)
    // Also if it was cancelled before it was begun: an end is final.
    if (found === undefined || (isEnded(found.job) && !isEnded(this.#job))) return this.#lose()
    this.#version = found.version
    this.#job = { ...this.#job, cancel_requested: found.job.cancel_requested }
    if (found.job.cancel_requested) this.#cancelled()
  }

  #cancelled(): void {
    this.#abort('cancelled', new DOMException('The job was cancelled', 'AbortError'))
  }

  #lose(): void {
    this.#options.lease.lose()
    this.#why = 'lost'
    this.#abort('lost', this.#lostError())
  }

  #lostError(): EventsError {
    return new EventsError(
      'EVENTS_LEASE_LOST',
      `Another process runs the job '${this.#job.id}', or it was deleted`,
    )
  }

  #abort(why: 'cancelled' | 'stopped' | 'lost', reason: Error): void {
    if (this.#state !== 'running') return
    this.#why = why
    this.#enter('ending')
    this.#controller.abort(reason)
  }

  /** The only place that changes the state. */
  #enter(state: 'ending' | 'ended'): void {
    if (this.#state !== 'ended') this.#state = state
  }

  #failed(err: unknown): void {
    this.#options.host.metrics.storageError('job')
    this.#options.host.logger.warn({ err, job: this.#job.id }, 'Cannot store the progress of a job; retrying')
  }
}

function failure(error: unknown): Outcome {
  return { state: 'failed', error: errorText(error).slice(0, MAX_TEXT) }
}

/** Returns the changes that store an outcome: a job whose cancel was requested is cancelled, however it ended. */
function ending(job: JobRecord, outcome: Outcome, now: string): Partial<JobRecord> {
  if (job.cancel_requested) return { state: 'cancelled', result: outcome.result ?? null, ended: now }
  return outcome.state === 'waiting' ? outcome : { ...outcome, ended: now }
}
