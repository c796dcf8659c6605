import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const children: ChildProcess[] = []
const folders: string[] = []

// Whatever became of a test, nothing of it stays.
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill))
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** The real server in a process of its own. */
export class ServerProcess {
  readonly exit: Promise<Exit>
  readonly #child: ChildProcess
  readonly #output = { stdout: '', stderr: '' }

  constructor(env: Readonly<Record<string, string>>, args: readonly string[] = [], main = MAIN) {
    this.#child = spawn(process.execPath, ['--conditions=@viewra/source', main, ...args], {
      cwd: temporaryFolder(),
      env: { ...withoutOurs(process.env), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(this.#child)
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text
      })
    }
    this.exit = once(this.#child, 'close').then(([code, signal]) => ({ code, signal, ...this.#output }))
  }

  /** The address, once the server has told it. */
  async url(): Promise<string> {
    const [, url] = await this.#said('stdout', /listening on (\S+) /)
    return url ?? ''
  }

  get stdout(): string {
    return this.#output.stdout
  }

  get stderr(): string {
    return this.#output.stderr
  }

  /** Waits until the log has a line with this message. */
  async logged(message: string): Promise<void> {
    await this.#said('stderr', new RegExp(`"msg":"${message}"`))
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async #said(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output[stream])
      if (found !== null) return found
      const ended = await Promise.race([
        this.exit,
        once(this.#child[stream] ?? this.#child, 'data').then(() => null),
      ])
      if (ended !== null && !pattern.test(this.#output[stream])) {
        throw new Error(
          `the server ended with ${ended.code ?? ended.signal}:\n${ended.stdout}${ended.stderr}`,
        )
      }
    }
  }
}

/** A server on a free port that answers. */
export async function startServer(env: Readonly<Record<string, string>>): Promise<{
  readonly server: ServerProcess
  readonly url: string
}> {
  const server = new ServerProcess({ VIEWRA_EVENTS_PORT: '0', ...env })
  return { server, url: await server.url() }
}

/** Gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'viewra-events-'))
  folders.push(folder)
  return folder
}

function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('VIEWRA_EVENTS_')))
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}
