import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const MAINS = {
  enricher: '../src/main.ts',
  scanner: '../../library-scanner/src/main.ts',
  server: '../../../apps/server/src/main.ts',
} as const

/** A program, run as a user runs it, in its own process, which is killed after the test. */
export class Program {
  readonly #process: ChildProcess
  readonly #ended: Promise<number | null>
  readonly #readers = new Set<() => void>()
  #output = ''

  constructor(name: keyof typeof MAINS, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const main = fileURLToPath(new URL(MAINS[name], import.meta.url))
    this.#process = spawn(process.execPath, ['--conditions=@viewra/source', main, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.setEncoding('utf8').on('data', (text) => this.#heard(text))
    this.#ended = once(this.#process, 'close').then(() => this.#process.exitCode)
    onTestFinished(() => this.kill())
  }

  /** The output so far, of both streams. */
  get output(): string {
    return this.#output
  }

  /** Its exit code; null if it was killed. */
  get ended(): Promise<number | null> {
    return this.#ended
  }

  /** Resolves once its output matches; fails if it ends without a match. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const ended = this.#ended.then(() => {
      throw new Error(`It ended without ${pattern}:\n${this.#output}`)
    })
    for (;;) {
      const found = pattern.exec(this.#output)
      if (found !== null) {
        // No caller waits for it any more.
        ended.catch(() => undefined)
        return found
      }
      await Promise.race([ended, new Promise<void>((resolve) => this.#readers.add(resolve))])
    }
  }

  /** Asks it to stop, and returns its exit code. */
  stop(): Promise<number | null> {
    this.#process.kill('SIGTERM')
    return this.#ended
  }

  /** Kills it, like a crash. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended
  }

  #heard(text: string): void {
    this.#output += text
    for (const reader of this.#readers) reader()
    this.#readers.clear()
  }
}
