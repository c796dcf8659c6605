import type { JsonValue } from '../event/json.ts'

/**
 * The state of a job. waiting: until a process with room runs it; also after the process that ran it has stopped or
 * crashed, until another continues it. The last three are final.
 */
export type JobState = 'waiting' | 'running' | 'succeeded' | 'failed' | 'cancelled'

export interface JobProgress {
  /** The units of work done. */
  readonly done: number
  /** The total units of work; null if unknown. */
  readonly total: number | null
  /** The current activity, for people; at most 1,024 characters. */
  readonly note: string
  /** Units per second since this process began to run it; null while unknown. */
  readonly rate: number | null
  /** The RFC 3339 time at which it ends at this rate; null while unknown, and beyond the year 9999. */
  readonly eta: string | null
}

/** A job as stored: a document in the collection `jobs`. */
export interface Job<I = JsonValue, R = JsonValue> {
  readonly id: string
  readonly kind: string
  readonly input: I
  readonly state: JobState
  readonly progress: JobProgress
  readonly cancel_requested: boolean
  /** Who requested it, at most 256 characters; '' if unknown. */
  readonly requested_by: string
  /** The number of attempts: more than one if a process that ran it stopped or crashed. */
  readonly attempts: number
  /** RFC 3339 times; null for those that have not come yet. */
  readonly created: string
  readonly started: string | null
  readonly ended: string | null
  /** The result of `run`; null before that, and if it failed. */
  readonly result: R | null
  /** The reason why it failed, at most 1,024 characters; null otherwise. */
  readonly error: string | null
}

/** The argument of a running job. */
export interface JobContext<I = JsonValue, C = JsonValue> {
  readonly id: string
  readonly input: I
  /** The value that an earlier attempt last saved; undefined if none was. */
  readonly checkpoint: C | undefined
  /** 1 for the first attempt. */
  readonly attempt: number
  /**
   * Aborts when the job is cancelled, when the bus stops, and when another process has taken over. The job must then end
   * soon, by throwing: after a stop it continues later from its checkpoint. A job that returns has succeeded, or was
   * cancelled with a result.
   */
  readonly signal: AbortSignal
  /**
   * True if the job was cancelled. If it is false when the signal aborts, the job continues later, or in another process.
   * Read it from the context when it is needed: a variable that it was destructured into stays false.
   */
  readonly cancelled: boolean
  /**
   * Reports progress. It is kept in memory and stored twice a second, so a call costs almost nothing.
   * @throws TypeError for a number that is not finite, and for a note that is not a string of at most 1,024 characters
   */
  progress(done: number, total?: number, note?: string): void
  /**
   * Stores a checkpoint from which to continue after a crash, with the progress. Resolves when it is stored.
   * @throws EventsError EVENTS_LEASE_LOST if another process now runs the job; EVENTS_INVALID for a checkpoint that is not
   *   JSON or is too large; EVENTS_STORAGE_*
   */
  save(checkpoint: C): Promise<void>
}

/** A kind of work. */
export interface JobKind<I = JsonValue, R = JsonValue, C = JsonValue> {
  /** 1 to 64 of a-z, 0-9, `_`, `.` and `-`. */
  readonly kind: string
  /**
   * Does the work. Its return value, which must be JSON, is the job's result; input, checkpoint and result together
   * may have 240 KiB. An error that it throws makes the job fail, unless its signal has aborted.
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
