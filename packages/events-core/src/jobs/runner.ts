import { LeaseHolder } from '../bus/workers/lease-holder.ts'
import type { BusHost, BusWorker } from '../bus/workers/worker.ts'
import { checkOptions, integer, type OptionRule, shown, upTo } from '../check-options.ts'
import { EventsError, invalid } from '../errors.ts'
import type { JsonValue } from '../event/json.ts'
import { formatTimestamp } from '../event/timestamp.ts'
import type { WorkerGauges } from '../metrics/metrics.ts'
import { within } from '../within.ts'
import type { Job, JobKind } from './job.ts'
import { checkPayload, MAX_REQUESTED_BY } from './job-limits.ts'
import { JobRun } from './job-run.ts'
import { cancelledJob, isEnded, JobStore, newJob, publicJob, type VersionedJob } from './job-store.ts'
import { Jobs } from './jobs.ts'

/** A kind of job with any input and result. */
export type AnyJobKind = JobKind<unknown, unknown, unknown>

export interface JobRunnerOptions {
  /** The kinds of jobs that this process can run. Jobs of other kinds are left to other processes. */
  readonly kinds: readonly AnyJobKind[]
  /** The number of jobs that this process runs at the same time; 2 by default. */
  readonly concurrency?: number
  /** The number of ended jobs that are kept, of all kinds; 100 by default. */
  readonly keep?: number
  /** The time after a crash until another process continues a job; 6,000 by default. */
  readonly leaseMs?: number
  /** The number of crashes of processes that run a job after which the job fails; 5 by default. */
  readonly maxCrashes?: number
}

interface Running {
  readonly host: BusHost
  readonly store: JobStore
  readonly stopLooking: () => void
}

const KIND = /^[a-z0-9_.-]{1,64}$/

const RULES: Readonly<Record<keyof JobRunnerOptions, OptionRule>> = {
  kinds: kindsProblem,
  concurrency: integer(1, 100),
  keep: integer(0, 10_000),
  leaseMs: integer(100, 2 ** 31 - 1),
  maxCrashes: integer(1, 1_000),
}

/**
 * Runs jobs, each in one process at a time, and continues those whose process has crashed. Pass it to the bus:
 * `createEventBus({ workers: [jobRunner({ kinds })] })`.
 */
export class JobRunner implements BusWorker {
  readonly name = 'jobs'
  /** Jobs of all kinds, whichever process runs them. */
  readonly jobs: Jobs
  readonly #options: Required<JobRunnerOptions>
  readonly #kinds: ReadonlyMap<string, AnyJobKind>
  readonly #runs = new Map<string, JobRun>()
  readonly #ends = new Set<Promise<void>>()
  /** The leases of jobs that another process may be running. */
  readonly #leases = new Map<string, LeaseHolder>()
  #running: Running | undefined
  #looking: Promise<void> | undefined
  #lookAgain = false
  #waiting = 0
  /** The time at which it last looked for jobs. */
  #lookedMs: number | undefined

  /** @throws EventsError EVENTS_INVALID for an unknown option or an invalid value, and for two kinds of one name */
  constructor(options: JobRunnerOptions) {
    checkOptions('jobRunner', options, RULES)
    const { kinds, concurrency = 2, keep = 100, leaseMs = 6_000, maxCrashes = 5 } = options
    this.#options = { kinds, concurrency, keep, leaseMs, maxCrashes }
    this.#kinds = new Map(kinds.map((kind) => [kind.kind, kind]))
    if (this.#kinds.size < kinds.length)
      throw invalid('jobRunner', [{ path: 'kinds', message: 'must not have two of one name' }])
    const documents = () => this.#mustRun().host.storage.documents
    const bus = {
      get documents() {
        return documents()
      },
    }
    this.jobs = new Jobs(bus, () => this.#mustRun().host.clock())
  }

  /** @throws EventsError EVENTS_CONFLICT if it runs on another bus */
  start(host: BusHost): void {
    if (this.#running !== undefined)
      throw new EventsError('EVENTS_CONFLICT', 'The job runner already runs: make another for each bus')
    const store = new JobStore(host.storage.documents)
    const look = () => this.#look()
    const timer = setInterval(look, host.pollIntervalMs).unref()
    const unwatch = store.watch(look)
    const stopLooking = () => {
      clearInterval(timer)
      unwatch()
    }
    this.#running = { host, store, stopLooking }
    look()
  }

  /**
   * Ends the attempts at running jobs, which continue later, in this process or another. @returns the jobs that did not end
   * in time
   */
  async stop(timeoutMs: number): Promise<Readonly<Record<string, number>> | undefined> {
    this.#running?.stopLooking()
    this.#running = undefined
    for (const run of this.#runs.values()) run.stop()
    await within(timeoutMs, Promise.all([...this.#ends, this.#looking]))
    const left = this.#runs.size
    this.#runs.clear()
    this.#leases.clear()
    return left === 0 ? undefined : { jobs: left }
  }

  gauges(): WorkerGauges {
    return { figures: { running: this.#runs.size, waiting: this.#waiting }, lastRunMs: this.#lookedMs }
  }

  /** The kinds that this process can run, by name. */
  get kinds(): readonly string[] {
    return [...this.#kinds.keys()].sort()
  }

  /**
   * Submits a job. It begins as soon as a process that has its kind has room.
   * @param kind the kind or its name
   * @throws EventsError EVENTS_INVALID for an input that is not JSON or takes more than 240 KiB; EVENTS_NOT_FOUND for a
   *   name that this process does not have; EVENTS_NOT_RUNNING while the bus is not running; EVENTS_STORAGE_*
   */
  async submit<I, R>(kind: JobKind<I, R, never>, input: I, options?: SubmitOptions): Promise<Job<I, R>>
  async submit(kind: string, input: JsonValue, options?: SubmitOptions): Promise<Job>
  async submit(
    kind: string | JobKind<unknown, unknown, never>,
    input: unknown,
    options: SubmitOptions = {},
  ): Promise<Job> {
    checkOptions('submit', options, { requestedBy: upTo(MAX_REQUESTED_BY) })
    const { host, store } = this.#mustRun()
    const name = typeof kind === 'string' ? kind : kind.kind
    if (!this.#kinds.has(name))
      throw new EventsError(
        'EVENTS_NOT_FOUND',
        `This process has no job kind '${name}': pass it to the job runner`,
      )
    const job = newJob(name, checkPayload('input', input), options.requestedBy ?? '', host.clock())
    await store.add(job)
    this.#look()
    return publicJob(job)
  }

  #mustRun(): Running {
    if (this.#running === undefined)
      throw new EventsError(
        'EVENTS_NOT_RUNNING',
        'The job runner is not running: start the bus that has it as a worker',
      )
    return this.#running
  }

  /** Looks for work, unless a look is under way. */
  #look(): void {
    this.#lookAgain = true
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = undefined
    })
  }

  async #lookOn(): Promise<void> {
    while (this.#lookAgain && this.#running !== undefined) {
      this.#lookAgain = false
      try {
        await this.#lookOnce(this.#running)
        this.#lookedMs = this.#running?.host.clock()
      } catch (err) {
        this.#running?.host.metrics.storageError('job')
        this.#running?.host.logger.warn({ err }, 'Cannot look for jobs; retrying')
      }
    }
  }

  async #lookOnce(running: Running): Promise<void> {
    const found = await running.store.all()
    const open = found.filter(({ job }) => !isEnded(job))
    this.#waiting = open.filter(({ job }) => job.state === 'waiting').length
    for (const id of this.#leases.keys()) if (!open.some(({ job }) => job.id === id)) this.#leases.delete(id)
    for (const { job } of open) {
      if (this.#running !== running) return
      const run = this.#runs.get(job.id)
      if (run === undefined) await this.#tryTake(job, running)
      else if (job.cancel_requested) void run.look()
    }
    const ended = found.filter(({ job }) => isEnded(job))
    for (const old of ended.slice(0, Math.max(0, ended.length - this.#options.keep)))
      await running.store.delete(old)
  }

  /** Takes a job over if it is to be ended or there is room to run it, and no other process holds its lease. */
  async #tryTake({ id, kind, cancel_requested }: Job, running: Running): Promise<void> {
    // The lease of any other job is left to those who can run it.
    const isRunnable = this.#kinds.has(kind) && this.#runs.size < this.#options.concurrency
    if (!isRunnable && !cancel_requested) return
    const lease = this.#leases.get(id) ?? this.#leaseOf(id, running.host)
    if (!(await lease.tryAcquire())) return
    try {
      if (!(await this.#take(id, lease, running))) await lease.release()
    } catch (error) {
      await lease.release().catch(() => undefined)
      throw error
    }
  }

  /** Runs or ends a job. @returns whether it still needs the lease */
  async #take(id: string, lease: LeaseHolder, running: Running): Promise<boolean> {
    const { host, store } = running
    // Read again, now that no other process can change it.
    const found = await store.get(id)
    if (found === undefined || isEnded(found.job) || this.#running !== running) return false
    if (found.job.cancel_requested) {
      // Its process has crashed. No process runs it any more, so this needs no lease.
      await store.change(id, (job) =>
        isEnded(job) ? undefined : cancelledJob(job, formatTimestamp(host.clock())),
      )
      return false
    }
    const kind = this.#kinds.get(found.job.kind)
    if (kind === undefined) return false
    this.#run(found, kind, lease, running)
    return true
  }

  #run(found: VersionedJob, kind: AnyJobKind, lease: LeaseHolder, { host, store }: Running): void {
    const { id } = found.job
    this.#leases.delete(id)
    const { storage } = host
    const run = new JobRun({ found, kind: this.#limited(found, kind), lease, store, storage, host })
    this.#runs.set(id, run)
    const end = run.run().then((isStored) => {
      this.#ends.delete(end)
      if (this.#runs.get(id) === run) this.#runs.delete(id)
      // After a failure it waits for the next poll, or it would retry without a pause.
      if (isStored) this.#look()
    })
    this.#ends.add(end)
  }

  #leaseOf(id: string, { owner, storage }: BusHost): LeaseHolder {
    const lease = new LeaseHolder({
      store: storage.leases,
      name: `job:${id}`,
      owner,
      leaseMs: this.#options.leaseMs,
    })
    this.#leases.set(id, lease)
    return lease
  }

  /** Fails a job whose process has crashed too often, since it would crash further processes. */
  #limited({ job }: VersionedJob, kind: AnyJobKind): AnyJobKind {
    // The crash that has just been found counts too.
    if (job.state !== 'running' || job.crashes + 1 < this.#options.maxCrashes) return kind
    return {
      kind: kind.kind,
      run: () => {
        throw new Error(`The process that ran the job crashed ${job.crashes + 1} times`)
      },
    }
  }
}

export interface SubmitOptions {
  /** Who requests it, for lists; at most 256 characters. */
  readonly requestedBy?: string
}

/**
 * Creates a worker that runs jobs.
 * @throws EventsError EVENTS_INVALID for an unknown option or an invalid value
 */
export function jobRunner(options: JobRunnerOptions): JobRunner {
  return new JobRunner(options)
}

function kindsProblem(value: unknown): string | undefined {
  if (!Array.isArray(value)) return `must be an array of job kinds, not ${shown(value)}`
  return value.map(kindProblem).find((problem) => problem !== undefined)
}

function kindProblem(value: unknown): string | undefined {
  const { kind, run } = Object(value) as { readonly kind?: unknown; readonly run?: unknown } // any value has properties, or none
  if (typeof kind !== 'string' || !KIND.test(kind))
    return `must have names of 1 to 64 of a-z, 0-9, '_', '.' and '-', not ${shown(kind)}`
  return typeof run === 'function' ? undefined : `must have a function run, which '${kind}' has not`
}
