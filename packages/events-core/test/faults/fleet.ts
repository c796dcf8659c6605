import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface WorkerOrders {
  readonly name: string
  /** `postgres://…`, or the path of an SQLite file. */
  readonly url: string
  readonly schema: string
  readonly log: string
  /** Events to publish; 0 for none. */
  readonly publish: number
  /** The number of concurrent publishes. */
  readonly publishers: number
  /** The pause of a publisher after each event. */
  readonly pauseMs: number
  /** True if it follows the log live. */
  readonly follow: boolean
  /** The durable subscription that it takes part in. */
  readonly durable?: string
  /** The size at which its SQLite file counts as full. */
  readonly maxBytes?: number
  /** True if it takes part in the processor. */
  readonly process: boolean
  /** The longest time that a handler takes. */
  readonly handlerMs: number
}

export interface Handled {
  readonly position: number
  readonly id: string
  /** Milliseconds since 1970, comparable between processes. */
  readonly at: number
}

/** The records of one life of a worker process. */
export interface WorkerReport {
  readonly name: string
  readonly acknowledged: ReadonlyMap<string, number>
  /** Positions, in the order in which they came. */
  readonly tail: readonly number[]
  readonly handled: readonly Handled[]
}

/** One life of a worker process. */
export class Worker {
  readonly name: string
  readonly log: string
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #messages = new Set<unknown>()
  #errors = ''

  constructor(orders: WorkerOrders) {
    this.name = orders.name
    this.log = orders.log
    this.#process = fork(join(import.meta.dirname, 'worker.ts'), [JSON.stringify(orders)], {
      execArgv: ['--conditions=@viewra/source'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#process.stderr?.on('data', (chunk) => {
      this.#errors += chunk
    })
    this.#process.on('message', (message) => this.#messages.add(message))
    this.#exited = once(this.#process, 'exit')
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** The output of a worker that ended by itself with an error. */
  get errors(): string {
    return this.#errors
  }

  async said(message: 'started' | 'published'): Promise<void> {
    while (!this.#messages.has(message)) {
      if (!this.isRunning)
        throw new Error(`worker ${this.name} ended before it had ${message}: ${this.#errors}`)
      await Promise.race([once(this.#process, 'message'), this.#exited])
    }
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(name)
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return
    this.#process.kill(signal)
    // A stopped process takes only SIGKILL.
    if (signal === 'SIGTERM') this.#process.kill('SIGCONT')
    await this.#exited
  }

  report(): WorkerReport {
    const acknowledged = new Map<string, number>()
    const tail: number[] = []
    const handled: Handled[] = []
    // The last line may have been cut off by a kill.
    const text = existsSync(this.log) ? readFileSync(this.log, 'utf8') : ''
    for (const line of text.split('\n').slice(0, -1)) {
      const [kind, first = '', second = '', third = ''] = line.split(' ')
      if (kind === 'A') acknowledged.set(first, Number(second))
      if (kind === 'T') tail.push(Number(first))
      if (kind === 'H') handled.push({ position: Number(first), id: second, at: Number(third) })
    }
    return { name: this.name, acknowledged, tail, handled }
  }
}

type Defaults = Pick<WorkerOrders, 'url' | 'schema'>

/** Starts workers, each life with its own name and log, and ends the remaining ones. */
export class Fleet {
  readonly #defaults: Defaults
  readonly #directory = mkdtempSync(join(tmpdir(), 'viewra-fleet-'))
  readonly #workers: Worker[] = []

  constructor(defaults: Defaults) {
    this.#defaults = defaults
  }

  start(orders: Partial<WorkerOrders> = {}): Worker {
    const name = `w${this.#workers.length}`
    const worker = new Worker({
      publish: 0,
      publishers: 4,
      pauseMs: 0,
      follow: false,
      process: false,
      handlerMs: 0,
      ...this.#defaults,
      ...orders,
      name,
      log: join(this.#directory, `${name}.log`),
    })
    this.#workers.push(worker)
    return worker
  }

  /** Returns the reports of all lives so far. */
  reports(): readonly WorkerReport[] {
    return this.#workers.map((worker) => worker.report())
  }

  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end(signal)))
  }

  async remove(): Promise<void> {
    await this.end()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
