import { EventsError } from '../errors.ts'
import { createEventId } from '../event/id.ts'
import type { JsonValue } from '../event/json.ts'
import { formatTimestamp } from '../event/timestamp.ts'
import type { DocumentStore, StoredDocument } from '../storage/contract/documents.ts'
import type { Job, JobState } from './job.ts'
import { checkJobId } from './job-limits.ts'

export const COLLECTION = 'jobs'
const PAGE = 100
const ENDED: readonly JobState[] = ['succeeded', 'failed', 'cancelled']

/** A job with the fields that only its runner needs. */
export interface JobRecord extends Job {
  readonly checkpoint: JsonValue | null
  /** The number of processes that crashed while they ran the job. */
  readonly crashes: number
}

export interface VersionedJob {
  readonly job: JobRecord
  readonly version: number
}

interface ChangedJob {
  readonly job: JobRecord
  readonly changed: boolean
}

export function isEnded({ state }: Job): boolean {
  return ENDED.includes(state)
}

export function newJob(kind: string, input: JsonValue, requestedBy: string, nowMs: number): JobRecord {
  return {
    id: createEventId(nowMs),
    kind,
    input,
    state: 'waiting',
    progress: { done: 0, total: null, note: '', rate: null, eta: null },
    cancel_requested: false,
    requested_by: requestedBy,
    attempts: 0,
    created: formatTimestamp(nowMs),
    started: null,
    ended: null,
    result: null,
    error: null,
    checkpoint: null,
    crashes: 0,
  }
}

/** Returns a job that is cancelled without being run. @param ended an RFC 3339 time */
export function cancelledJob(job: JobRecord, ended: string): JobRecord {
  return { ...job, cancel_requested: true, state: 'cancelled', ended }
}

/** Returns a job without the fields that only its runner needs. */
export function publicJob({ checkpoint: _, crashes: __, ...job }: JobRecord): Job {
  return job
}

/** Jobs as documents. Their ids are UUIDv7, so they are sorted by age. */
export class JobStore {
  readonly #documents: DocumentStore

  constructor(documents: DocumentStore) {
    this.#documents = documents
  }

  /** @throws EventsError EVENTS_STORAGE_* */
  async add(job: JobRecord): Promise<void> {
    await this.#documents.put(COLLECTION, job.id, documentOf(job), { expected: 'absent' })
  }

  /** @throws EventsError EVENTS_INVALID for an id that no job can have; EVENTS_STORAGE_* */
  async get(id: string): Promise<VersionedJob | undefined> {
    checkJobId(id)
    const document = await this.#documents.get(COLLECTION, id)
    return document && versioned(document)
  }

  /** Returns all jobs, oldest first. */
  async all(): Promise<readonly VersionedJob[]> {
    const jobs: VersionedJob[] = []
    for await (const job of this.list('asc')) jobs.push(job)
    return jobs
  }

  /**
   * Yields jobs in the order of their age, read page by page.
   * @param after the id of the job after which to begin
   * @throws EventsError EVENTS_STORAGE_*; the signal's reason, when it has aborted before a page
   */
  async *list(
    order: 'asc' | 'desc',
    after?: string,
    signal?: AbortSignal,
  ): AsyncGenerator<VersionedJob, void> {
    let place = after
    do {
      signal?.throwIfAborted()
      const query = { order, limit: PAGE, ...(place !== undefined && { after: place }) }
      const page = await this.#documents.list(COLLECTION, query)
      for (const document of page.documents) yield versioned(document)
      place = page.next
    } while (place !== undefined)
  }

  /**
   * Changes a job, repeating `change` if another process changes it at the same time. @param change returns undefined if
   * there is nothing to change
   * @returns the job, and whether it was changed
   * @throws EventsError EVENTS_NOT_FOUND; EVENTS_STORAGE_*
   */
  async change(id: string, change: (job: JobRecord) => JobRecord | undefined): Promise<ChangedJob> {
    for (;;) {
      const found = await this.get(id)
      if (found === undefined) throw new EventsError('EVENTS_NOT_FOUND', `There is no job '${id}'`)
      const changed = change(found.job)
      if (changed === undefined) return { job: found.job, changed: false }
      const options = { expected: found.version }
      const { written } = await this.#documents.put(COLLECTION, id, documentOf(changed), options)
      if (written) return { job: changed, changed: true }
    }
  }

  async delete({ job, version }: VersionedJob): Promise<boolean> {
    return (await this.#documents.delete(COLLECTION, job.id, { expected: version })).written
  }

  watch(wake: () => void): () => void {
    return this.#documents.watch(COLLECTION, wake)
  }
}

export function documentOf(job: JobRecord): JsonValue {
  return { ...job, progress: { ...job.progress } }
}

function versioned({ value, version }: StoredDocument): VersionedJob {
  // Only this file writes to the collection.
  return { job: value as unknown as JobRecord, version }
}
