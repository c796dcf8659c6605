import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const SERVICE = fileURLToPath(new URL('../src/service.ts', import.meta.url))

/** A job, as the API shows it. */
export interface ShownJob {
  readonly id: string
  readonly state: string
  readonly attempts: number
  readonly cancel_requested: boolean
  readonly progress: { readonly done: number; readonly total: number | null; readonly note: string }
  readonly rate: number | null
  readonly eta_ms: number | null
  readonly result: { readonly published: number } | null
  readonly error: string | null
}

/** Runs the service to its end. */
export async function runService(args: readonly string[]) {
  const child = spawnService(args, 'pipe')
  const [stderr] = await Promise.all([child.stderr === null ? '' : text(child.stderr), once(child, 'close')])
  return { exitCode: child.exitCode, stderr }
}

/** The service on a free port, in its own process. */
export class ServiceProcess {
  readonly #process: ChildProcess
  readonly #url: string

  private constructor(process: ChildProcess, url: string) {
    this.#process = process
    this.#url = url
  }

  /** Starts a service with a short lease that saves its place after each file. */
  static async start(database: string): Promise<ServiceProcess> {
    const options = ['--port', '0', '--concurrency', '1', '--lease-ms', '500']
    const child = spawnService(['--database', `sqlite:${database}`, ...options], 'inherit')
    if (child.stdout === null) throw new Error('The service has no output')
    for await (const line of createInterface(child.stdout)) {
      const url = /http:\/\/\S+/.exec(line)?.[0]
      if (url !== undefined) return new ServiceProcess(child, url)
    }
    throw new Error('The service ended before it listened')
  }

  /** Sends a request, and returns status, headers and JSON. */
  async send(method: string, path: string, body?: object) {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    })
    return { status: response.status, headers: response.headers, json: JSON.parse(await response.text()) }
  }

  async job(address: string): Promise<ShownJob> {
    return (await this.send('GET', address)).json
  }

  /** Kills it with SIGKILL, like a crash. */
  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.#process
    if (exitCode !== null || signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }

  /** Asks it to stop, and returns its exit code. */
  async stop(): Promise<number | null> {
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exited
    return this.#process.exitCode
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

function spawnService(args: readonly string[], stderr: 'pipe' | 'inherit'): ChildProcess {
  return spawn(process.execPath, ['--conditions=@viewra/source', SERVICE, ...args], {
    stdio: ['ignore', 'pipe', stderr],
  })
}
