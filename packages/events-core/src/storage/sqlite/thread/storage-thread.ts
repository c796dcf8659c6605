import type { Worker } from 'node:worker_threads'
import { EventsError } from '../../../errors.ts'
import { throwIfAborted } from '../../abortable-work.ts'
import type { OperationCall } from '../../sql/runner.ts'
import { isDriverProblem } from './driver.ts'
import type { ErrorMessage, Reply, Request, ThreadMessage, ThreadSettings } from './messages.ts'
import { startWorker } from './start-worker.ts'

interface Pending {
  resolve(value: unknown): void
  reject(error: EventsError): void
}

/**
 * Limits, not reservations: a page of 10,000 events fits, and running out of memory ends only the thread. With 2 MB of
 * young generation, a thread takes 2 MB less, but a page of 1,000 events takes two to three times as long.
 */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 8 }

/**
 * The main thread's view of a thread that answers calls. The first call starts the thread, and so does the next one after
 * it has died. It keeps the process alive only while a call is under way.
 */
export class StorageThread {
  readonly #settings: ThreadSettings
  readonly #url: URL | undefined
  readonly #pending = new Map<number, Pending>()
  #worker: Worker | undefined
  #calls = 0

  /** @param url the thread's program, if it is not beside this file */
  constructor(settings: ThreadSettings, url?: URL) {
    this.#settings = settings
    this.#url = url
  }

  /** Starts the thread if it is not running, so that it loads its modules, which takes longer than opening the file. */
  start(): void {
    this.#worker ??= this.#start()
  }

  /** @throws EventsError from the thread, or EVENTS_STORAGE_UNAVAILABLE if it dies */
  async open(): Promise<void> {
    await this.#ask({ kind: 'open' })
  }

  /** @throws EventsError EVENTS_STORAGE_UNAVAILABLE when another process has the file open */
  async saveLog(): Promise<void> {
    await this.#ask({ kind: 'saveLog' })
  }

  async dataVersion(): Promise<number> {
    return Number(await this.#ask({ kind: 'dataVersion' }))
  }

  /**
   * @param signal aborts the call, which still settles only when the thread is done with it
   * @throws as `open`; the signal's reason
   */
  async run(call: OperationCall, signal: AbortSignal | undefined): Promise<unknown> {
    throwIfAborted(signal)
    return await this.#ask({ kind: 'run', ...call }, signal)
  }

  /** Ends the calls under way, and the thread. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    const exited = new Promise((resolve) => worker.once('exit', resolve))
    await this.#post(worker, { kind: 'close', id: ++this.#calls })
    // No call is under way any more, but the caller waits for the end of the thread.
    worker.ref()
    await exited
  }

  #ask(request: Request, signal?: AbortSignal): Promise<unknown> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    const id = ++this.#calls
    const answer = this.#post(worker, { ...request, id })
    return signal === undefined ? answer : abortable(answer, worker, id, signal)
  }

  #post(worker: Worker, message: ThreadMessage): Promise<unknown> {
    return new Promise((resolve, reject) => {
      worker.postMessage(message)
      this.#pending.set(message.id, { resolve, reject })
      worker.ref()
    })
  }

  #start(): Worker {
    const worker = startWorker(this.#url, {
      name: `events ${this.#settings.role}`,
      workerData: this.#settings,
      // The arguments of this process (--eval, --import, --conditions, …) are not meant for the thread.
      execArgv: [],
      resourceLimits: LIMITS,
    })
    let cause: unknown
    worker.on('message', (reply: Reply) => this.#settle(worker, reply))
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', () => this.#lose(cause))
    return worker
  }

  #settle(worker: Worker, reply: Reply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.#pending.size === 0) worker.unref()
    if ('error' in reply) pending?.reject(toError(reply.error))
    else pending?.resolve(reply.value)
  }

  /** Fails all pending calls. All of them belong to the lost thread, since no other was started before this. */
  #lose(cause: unknown): void {
    this.#worker = undefined
    const calls = [...this.#pending.values()]
    this.#pending.clear()
    for (const call of calls) call.reject(lost(cause, this.#settings))
  }
}

/**
 * Returns the result of a call. If the signal aborts, the thread is notified and fails the call, unless it has just
 * completed it.
 */
async function abortable(
  answer: Promise<unknown>,
  worker: Worker,
  id: number,
  signal: AbortSignal,
): Promise<unknown> {
  const message: ThreadMessage = { kind: 'abort', id }
  const abort = () => worker.postMessage(message)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await answer
  } catch (error) {
    throwIfAborted(signal)
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function toError({ code, message, issues, cause }: ErrorMessage): EventsError {
  const { message: causeMessage, ...details } = cause ?? {}
  return new EventsError(code, message, {
    issues,
    ...(cause && { cause: Object.assign(new Error(causeMessage), details) }),
  })
}

function lost(cause: unknown, { role, path }: ThreadSettings): EventsError {
  const what = `the ${role} thread of the event store ${path}`
  const error = (message: string) => new EventsError('EVENTS_STORAGE_UNAVAILABLE', message, { cause })
  if (isDriverProblem(cause)) return error(`${what} could not start: ${cause.message}`)
  const reason = cause instanceof Error ? ` (${cause.message})` : ''
  if (isMissingFile(cause))
    return error(
      `${what} could not start, since a part of its program is missing${reason}: in a bundle, see docs/bundling.md`,
    )
  const storing = role === 'writer' ? 'the outcome of its current write is unknown; ' : ''
  return error(`${what} has ended unexpectedly${reason}: ${storing}the next call starts it again`)
}

function isMissingFile(cause: unknown): boolean {
  if (!(cause instanceof Error && 'code' in cause)) return false
  return cause.code === 'MODULE_NOT_FOUND' || cause.code === 'ERR_MODULE_NOT_FOUND'
}
