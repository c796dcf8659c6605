import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** The program, run as a user runs it with its output piped, in its own process, which is killed after the test. */
export class Program {
  readonly #process: ChildProcess
  readonly #ended: Promise<number | null>
  #output = ''

  constructor(args: readonly string[]) {
    this.#process = spawn(process.execPath, ['--conditions=@viewra/source', MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.setEncoding('utf8').on('data', (text) => {
        this.#output += text
      })
    this.#ended = once(this.#process, 'close').then(() => this.#process.exitCode)
    onTestFinished(() => this.kill())
  }

  /** The output so far, of both streams. */
  get output(): string {
    return this.#output
  }

  get lines(): readonly string[] {
    return this.#output.split('\n').slice(0, -1)
  }

  /** Its exit code; null if it was killed. */
  get ended(): Promise<number | null> {
    return this.#ended
  }

  /** Asks it to stop, and returns its exit code. */
  stop(): Promise<number | null> {
    this.#process.kill('SIGTERM')
    return this.#ended
  }

  /** Kills it with SIGKILL, like a crash. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended
  }
}
