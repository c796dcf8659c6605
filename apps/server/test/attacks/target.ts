import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createToken } from '@viewra/events-module'
import { Client, EVENTS, PARTIES, ROLES, type TokenName } from './client.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** What a login shell gives on most systems. */
const DESCRIPTORS = 1_024

/** The real server in a process of its own, with few descriptors and with a token for each party and role. */
export class Target {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly client: Client
  logBytes = 0

  private constructor(child: ChildProcess, folder: string, client: Client) {
    this.#child = child
    this.#folder = folder
    this.client = client
    child.stderr?.on('data', (bytes: Buffer) => {
      this.logBytes += bytes.length
    })
  }

  /** @param database its URL; a new SQLite file by default */
  static async start(database?: string, descriptors = DESCRIPTORS): Promise<Target> {
    const folder = mkdtempSync(path.join(tmpdir(), 'viewra-attack-'))
    const tokensFile = path.join(folder, 'tokens.json')
    const tokens = writeTokens(tokensFile)
    const env = {
      ...process.env,
      VIEWRA_EVENTS_PORT: '0',
      VIEWRA_EVENTS_DATABASE_URL: database ?? `sqlite:${path.join(folder, 'events.db')}`,
      VIEWRA_EVENTS_TOKENS_FILE: tokensFile,
    }
    const command = `ulimit -n ${descriptors} && exec "$0" --conditions=@viewra/source "$1"`
    const child = spawn('/bin/sh', ['-c', command, process.execPath, MAIN], { env, cwd: folder })
    const [line] = await once(child.stdout, 'data')
    const port = Number(/http:\S+:(\d+)/.exec(String(line))?.[1])
    return new Target(child, folder, new Client(port, new Map(tokens)))
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The greatest so far. */
  get residentMb(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024)
  }

  /** Publishes events, 1,000 at a time. */
  async fill(count: number): Promise<void> {
    const headers = {
      ...this.client.authorization('bystander publisher'),
      'content-type': 'application/json',
    }
    for (let first = 0; first < count; first += 1_000) {
      const events = Array.from({ length: Math.min(1_000, count - first) }, (_, index) => ({
        type: 'attack.filled',
        source: 'attack',
        message: `event ${first + index} of those that were there before`,
        data: { index: first + index },
      }))
      const body = JSON.stringify(events)
      let answer = await this.client.ask(`${EVENTS}/batch`, { method: 'POST', headers }, body)
      while (answer.status === 503)
        answer = await this.client.ask(`${EVENTS}/batch`, { method: 'POST', headers }, body)
      if (answer.status !== 201) throw new Error(`filling: ${answer.status} ${answer.text}`)
    }
  }

  /** @returns the exit code; null when it was killed */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.client.close()
    if (this.isRunning) {
      const exited = once(this.#child, 'exit')
      this.#child.kill(signal)
      await exited
    }
    rmSync(this.#folder, { recursive: true, force: true })
    return this.#child.exitCode
  }
}

function writeTokens(file: string): [TokenName, string][] {
  const made = PARTIES.flatMap((party) =>
    ROLES.map((role) => ({ name: `${party} ${role}` as const, role, ...createToken() })),
  )
  writeFileSync(file, JSON.stringify(made.map(({ name, role, hash }) => ({ name, role, hash }))))
  return made.map(({ name, token }) => [name, token])
}
