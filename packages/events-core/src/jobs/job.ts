import type { JsonValue } from '../event/json.ts'

/**
 * What becomes of a job. waiting: until a process with room runs it; also after a process that ran it stopped or crashed and
 * before another goes on. The last three are final.
 */
export type JobState = 'waiting' | 'running' | 'succeeded' | 'failed' | 'cancelled'

export interface JobProgress {
  /** Units of work that are done. */
  readonly done: number
  /** All units; null while it is not known. */
  readonly total: number | null
  /** What it is at, for people. */
  readonly note: string
  /** Units per second, since this process runs it; null before there is one to tell. */
  readonly rate: number | null
  /** RFC 3339 time at which it ends if it goes on at this rate; null when that cannot be told. */
  readonly eta: string | null
}

/** A job as the store has it: a document in the collection `jobs`. */
export interface Job<I = JsonValue, R = JsonValue> {
  readonly id: string
  readonly kind: string
  readonly input: I
  readonly state: JobState
  readonly progress: JobProgress
  readonly cancel_requested: boolean
  /** Who asked for it; '' when nobody said. */
  readonly requested_by: string
  /** How often it was begun: more than once when a process that ran it stopped or crashed. */
  readonly attempts: number
  /** RFC 3339 times; null for what has not happened. */
  readonly created: string
  readonly started: string | null
  readonly ended: string | null
  /** What `run` returned; null before that, and when it failed. */
  readonly result: R | null
  /** Why it failed; null otherwise. */
  readonly error: string | null
}

/** What a job gets while it runs. */
export interface JobContext<I = JsonValue, C = JsonValue> {
  readonly id: string
  readonly input: I
  /** What the last `save` of an earlier attempt stored; undefined in the first one. */
  readonly checkpoint: C | undefined
  /** 1 for the first attempt. */
  readonly attempt: number
  /**
   * Aborted when the job is cancelled, when the bus stops, and when another process has taken over. End soon, by throwing:
   * after a stop the job goes on later, from its checkpoint. A job that returns has succeeded, or was cancelled with a result.
   */
  readonly signal: AbortSignal
  /** Whether the job was cancelled. While it is false, a job that is told to end goes on later, or elsewhere. */
  readonly cancelled: boolean
  /** Tells how far the job is. Kept in memory, and stored twice a second. Costs next to nothing. */
  progress(done: number, total?: number, note?: string): void
  /**
   * Stores where to go on after a crash, with the progress. Resolves when it is stored.
   * @throws EventsError EVENTS_LEASE_LOST when another process runs the job by now; EVENTS_INVALID for what is no JSON or
   *   too large; EVENTS_STORAGE_*
   */
  save(checkpoint: C): Promise<void>
}

/** A kind of work. */
export interface JobKind<I = JsonValue, R = JsonValue, C = JsonValue> {
  /** 1 to 64 of a-z, 0-9, `_`, `.` and `-`. */
  readonly kind: string
  /**
   * Does the work. What it returns is the job's result: JSON; the document with input, checkpoint and result takes 256 KiB.
   * What it throws makes the job fail, unless it was told to end.
   */
  run(context: JobContext<I, C>): Promise<R | undefined> | R | undefined
}

/**
 * Defines a kind of job.
 *
 * @example
 * const scan = jobKind<{ path: string }, { files: number }, { after: string }>('library-scan', async (job) => {
 *   for (const [index, file] of files.entries()) {
 *     job.signal.throwIfAborted()
 *     await index(file)
 *     job.progress(index + 1, files.length)
 *     if (index % 100 === 0) await job.save({ after: file })
 *   }
 *   return { files: files.length }
 * })
 */
export function jobKind<I = JsonValue, R = JsonValue, C = JsonValue>(
  kind: string,
  run: JobKind<I, R, C>['run'],
): JobKind<I, R, C> {
  return Object.freeze({ kind, run })
}
