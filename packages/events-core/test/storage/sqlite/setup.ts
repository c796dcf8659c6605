import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { EventsError } from '../../../src/errors.ts'
import type { EventStorage } from '../../../src/storage/contract/storage.ts'
import { type SqliteStorageOptions, sqliteStorage } from '../../../src/storage/sqlite/index.ts'

/** Creates a directory that exists until the end of the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'viewra-events-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function temporaryPath(): string {
  return join(temporaryDirectory(), 'events.db')
}

/** Opens a store that is closed at the end of the test. */
export async function openStore(
  path: string,
  options: Partial<SqliteStorageOptions> = {},
): Promise<EventStorage> {
  const storage = sqliteStorage({ path, synchronous: 'normal', ...options })
  onTestFinished(() => storage.close())
  await storage.open()
  return storage
}

/** Returns code and message of the EventsError with which a promise rejects. */
export async function failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await promise.then(
    (value) => expect.unreachable(`should have failed, but answered ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof EventsError)) throw error
  return { code: error.code, message: error.message }
}

/** A program from children/ that prints lines. It is killed at the end of the test. */
export class Child {
  readonly lines: string[] = []
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown[]>
  #heard: () => void = () => {}

  constructor(script: string, ...args: string[]) {
    const path = fileURLToPath(new URL(`./children/${script}.ts`, import.meta.url))
    this.#process = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#exited = once(this.#process, 'exit')
    if (this.#process.stdout === null) throw new Error('the child has no output')
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      this.lines.push(line)
      this.#heard()
    })
    onTestFinished(() => {
      this.#process.kill('SIGKILL')
    })
  }

  /** Waits until the child has printed that many lines. */
  async said(count: number): Promise<void> {
    while (this.lines.length < count) {
      const heard = new Promise<void>((resolve) => {
        this.#heard = resolve
      })
      const exited = this.#exited.then(() => 'exited')
      if ((await Promise.race([heard, exited])) === 'exited') throw new Error('the child has ended too early')
    }
  }

  say(line: string): void {
    this.#process.stdin?.write(`${line}\n`)
  }

  kill(): Promise<unknown> {
    this.#process.kill('SIGKILL')
    return this.#exited
  }

  /** Waits until it ends by itself, and returns its exit code. */
  async ended(): Promise<unknown> {
    const [code] = await this.#exited
    return code
  }
}
