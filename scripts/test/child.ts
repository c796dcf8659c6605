import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach } from 'vitest'

const children: ChildProcess[] = []
const folders: string[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A Node process that runs `code`, with its output so far. */
export class Script {
  readonly exit: Promise<{ readonly code: number | null; readonly output: string }>
  readonly #child: ChildProcess
  #output = ''

  constructor(code: string, args: readonly string[] = []) {
    const flags = ['--input-type=module', '--eval', code, '--', ...args]
    this.#child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(this.#child)
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
    this.exit = once(this.#child, 'close').then(([exitCode]) => ({ code: exitCode, output: this.#output }))
  }

  get output(): string {
    return this.#output
  }

  /** Waits until the output matches `pattern`. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    let ended = false
    for (;;) {
      const found = pattern.exec(this.#output)
      if (found !== null) return found
      if (ended) throw new Error(`never printed ${pattern}:\n${this.#output}`)
      const told = [this.#child.stdout, this.#child.stderr].map((stream) =>
        once(stream ?? this.#child, 'data'),
      )
      await Promise.race([...told, this.exit.then(() => (ended = true))])
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}

/** Creates a temporary folder that is deleted after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'viewra-events-'))
  folders.push(folder)
  return folder
}

/** Returns the URL of a set-up script, for code that imports it. */
export function setup(name: string): string {
  return new URL(`../setup/${name}`, import.meta.url).href
}
