import type { EventBus } from '../bus/bus.ts'
import { checkOptions, integer, oneOf, text } from '../check-options.ts'
import { EventsError } from '../errors.ts'
import { formatTimestamp } from '../event/timestamp.ts'
import type { CallOptions } from '../storage/contract/storage.ts'
import type { Job, JobState } from './job.ts'
import { cancelledJob, isEnded, JobStore, publicJob } from './job-store.ts'

export interface JobQuery {
  readonly kind?: string
  readonly state?: JobState
  /** The `next` of the previous page. */
  readonly after?: string
  /** 1 to 100: a job may have 256 KiB. */
  readonly limit: number
}

/** The outcome of a cancel. */
export interface CancelledJob {
  readonly job: Job
  /** False if the job had ended, or its cancel was requested before. */
  readonly changed: boolean
}

export interface JobPage {
  /** Jobs, newest first. */
  readonly jobs: readonly Job[]
  /** `after` of the next page; absent on the last one. */
  readonly next?: string
}

const RULES = {
  kind: text(64),
  state: oneOf('waiting', 'running', 'succeeded', 'failed', 'cancelled'),
  after: text(128),
  limit: integer(1, 100),
}

/**
 * The jobs in a bus's store, whichever process runs them; this process needs no runner. Every method fails with
 * EVENTS_NOT_RUNNING while the bus is not running.
 */
export class Jobs {
  readonly #bus: Pick<EventBus, 'documents'>
  readonly #now: () => number

  /** @param now returns the time in milliseconds since 1970 */
  constructor(bus: Pick<EventBus, 'documents'>, now: () => number = Date.now) {
    this.#bus = bus
    this.#now = now
  }

  /** @throws EventsError EVENTS_INVALID for an id that no job can have, as all methods do; EVENTS_STORAGE_* */
  async get(id: string): Promise<Job | undefined> {
    const found = await this.#store.get(id)
    return found && publicJob(found.job)
  }

  /**
   * Returns a page of jobs. The signal is checked between the store's pages.
   * @throws EventsError EVENTS_INVALID; EVENTS_STORAGE_*; the signal's reason
   */
  async list(query: JobQuery, { signal }: CallOptions = {}): Promise<JobPage> {
    checkOptions('job query', query, RULES)
    const { kind, state, after, limit } = query
    const jobs: Job[] = []
    for await (const { job } of this.#store.list('desc', after, signal)) {
      if ((kind ?? job.kind) !== job.kind || (state ?? job.state) !== job.state) continue
      const last = jobs.at(-1)
      if (last !== undefined && jobs.length === limit) return { jobs, next: last.id }
      jobs.push(publicJob(job))
    }
    return { jobs }
  }

  /**
   * Requests the end of a job; a waiting job is cancelled at once, and one that has ended stays as it is.
   * @returns the job, and whether this call has changed it
   * @throws EventsError EVENTS_NOT_FOUND; EVENTS_STORAGE_*
   */
  async cancel(id: string): Promise<CancelledJob> {
    const ended = formatTimestamp(this.#now())
    const { job, changed } = await this.#store.change(id, (found) => {
      if (found.state === 'waiting') return cancelledJob(found, ended)
      return isEnded(found) || found.cancel_requested ? undefined : { ...found, cancel_requested: true }
    })
    return { job: publicJob(job), changed }
  }

  /**
   * Deletes a job that has ended. @returns whether there was one
   * @throws EventsError EVENTS_CONFLICT for a job that has not ended: cancel it first; EVENTS_STORAGE_*
   */
  async delete(id: string): Promise<boolean> {
    const found = await this.#store.get(id)
    if (found === undefined) return false
    if (!isEnded(found.job))
      throw new EventsError('EVENTS_CONFLICT', `The job '${id}' has not ended: cancel it before deleting it`)
    return this.#store.delete(found)
  }

  get #store(): JobStore {
    return new JobStore(this.#bus.documents)
  }
}
