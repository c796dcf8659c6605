import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('../../../apps/server/src/main.ts', import.meta.url))

/** The real server in its own process, with its data in a SQLite file. */
export class EventServer {
  readonly #database: string
  #process: ChildProcess
  #url: URL

  private constructor(database: string, process: ChildProcess, url: URL) {
    this.#database = database
    this.#process = process
    this.#url = url
  }

  /** Starts it on a free port. */
  static async start(database: string): Promise<EventServer> {
    const process = spawnServer(database, '0')
    return new EventServer(database, process, await announcedUrl(process))
  }

  get url(): URL {
    return this.#url
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Kills it, like a crash. */
  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.#process
    if (exitCode !== null || signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }

  /** Starts it again with the same data on the same port, after it was killed. */
  async restart(): Promise<void> {
    this.#process = spawnServer(this.#database, this.#url.port)
    this.#url = await announcedUrl(this.#process)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }
}

function spawnServer(database: string, port: string): ChildProcess {
  return spawn(process.execPath, ['--conditions=@viewra/source', SERVER], {
    env: {
      ...process.env,
      VIEWRA_EVENTS_PORT: port,
      VIEWRA_EVENTS_DATABASE_URL: `sqlite:${database}`,
      VIEWRA_EVENTS_LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** The first line of the server's output names its address. */
async function announcedUrl({ stdout }: ChildProcess): Promise<URL> {
  if (stdout === null) throw new Error('The server has no output')
  for await (const line of createInterface(stdout)) {
    const url = /http:\/\/\S+/.exec(line)?.[0]
    if (url !== undefined) return new URL(url)
  }
  throw new Error('The server ended before it listened')
}
